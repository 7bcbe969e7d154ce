"""What the kubelet tells of its node and pods: /stats/summary, /metrics/resource, /metrics/cadvisor, /metrics/probes."""

import re

from cluster import NAMESPACE
from host import eventually

# In the summary, what must be there of every running pod.
POD_FIGURES = ("cpu.usageNanoCores", "memory.workingSetBytes", "memory.usageBytes", "ephemeral-storage.usedBytes")
# Of these a kubelet asks its runtime with PodAndContainerStatsFromCRI alone; without, it asks cAdvisor, which knows two runtimes by name.
CRI_FIGURES = ("process_stats.process_count",)
CONTAINER_FIGURES = ("cpu.usageCoreNanoSeconds", "memory.workingSetBytes", "rootfs.usedBytes", "logs.usedBytes")


def find(value, path):
    for key in path.split("."):
        value = (value or {}).get(key)
    return value


def summary(cluster, from_the_runtime=False):
    """Every pod that runs has its figures, and the node its file systems. The first figures take the kubelet some seconds."""

    def complete():
        got = cluster.kubelet.get("/stats/summary")
        missing = [
            f"node {path}"
            for path in (
                "fs.usedBytes",
                "fs.inodesUsed",
                "runtime.imageFs.usedBytes",
                "runtime.containerFs.usedBytes",
                "memory.workingSetBytes",
            )
            if not find(got["node"], path)
        ]
        pods = {each["podRef"]["name"]: each for each in got["pods"]}
        for name, pod in cluster.pods().items():
            if pod["status"]["phase"] != "Running":
                continue
            figures = pods.get(name)
            if figures is None:
                missing.append(f"pod {name}")
                continue
            missing += [f"{name} {path}" for path in POD_FIGURES + (CRI_FIGURES if from_the_runtime else ()) if find(figures, path) is None]
            if from_the_runtime and not pod["spec"].get("hostNetwork") and not find(figures, "network.rxBytes"):
                missing.append(f"{name} network.rxBytes")
            containers = {each["name"]: each for each in figures.get("containers", [])}
            for each in pod["status"].get("containerStatuses", []):
                if each.get("state", {}).get("running"):
                    missing += [
                        f"{name}/{each['name']} {path}" for path in CONTAINER_FIGURES if find(containers.get(each["name"]), path) is None
                    ]
        if missing:
            raise AssertionError(f"missing in the summary: {missing[:8]}")
        return True

    eventually(complete, 180, "the summary is complete", 5)


def series(text, name):
    """The series of one metric, as maps of labels with the value under an empty name."""
    found = []
    for labels, value in re.findall(rf"^{name}\{{([^}}]*)\}} (\S+)", text, re.M):
        found.append({**dict(re.findall(r'(\w+)="([^"]*)"', labels)), "": float(value)})
    return found


def has_series(cluster, path, name, pod, container=None):
    def there():
        return any(
            each.get("pod") == pod
            and each.get("namespace") == NAMESPACE
            and (container is None or each.get("container") == container)
            and each[""] > 0
            for each in series(cluster.kubelet.text("GET", path), name)
        )

    eventually(there, 120, f"{path} has {name} of {pod}", 5)


def resource_metrics(cluster, pod, container):
    for name in ("container_cpu_usage_seconds_total", "container_memory_working_set_bytes", "container_start_time_seconds"):
        has_series(cluster, "/metrics/resource", name, pod, container)
    for name in ("pod_cpu_usage_seconds_total", "pod_memory_working_set_bytes"):
        has_series(cluster, "/metrics/resource", name, pod)
    if not re.search(r"^resource_scrape_error 0|^scrape_error 0", cluster.kubelet.text("GET", "/metrics/resource"), re.M):
        raise AssertionError("the kubelet counts an error in /metrics/resource")


def cadvisor_metrics(cluster, pod, container):
    for name in ("container_cpu_usage_seconds_total", "container_memory_usage_bytes", "container_memory_working_set_bytes"):
        has_series(cluster, "/metrics/cadvisor", name, pod, container)
    has_series(cluster, "/metrics/cadvisor", "container_network_receive_bytes_total", pod)


def node_metrics(cluster):
    """What cAdvisor tells of the node and of pods' cgroups, whatever the runtime."""
    text = cluster.kubelet.text("GET", "/metrics/cadvisor")
    for name in ("machine_memory_bytes", "container_memory_working_set_bytes"):
        if not re.search(rf"^{name}\{{", text, re.M):
            raise AssertionError(f"/metrics/cadvisor has no {name}")
    if not any("kubepods" in each.get("id", "") for each in series(text, "container_memory_working_set_bytes")):
        raise AssertionError("no cgroup of a pod is in /metrics/cadvisor")


def runtime_metrics(cluster):
    """The kubelet's own count of its calls to the runtime: what failed, by operation."""
    text = cluster.kubelet.text("GET", "/metrics")
    return {each["operation_type"]: int(each[""]) for each in series(text, "kubelet_runtime_operations_errors_total")}
