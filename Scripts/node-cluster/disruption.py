"""What pods must live through: the daemon killed and restarted, the kubelet restarted, while pods come and go."""

import os
import threading

import workloads
from host import eventually, run


def identities(cluster):
    """The containers that run, by pod: what must be the same afterwards."""
    found = {}
    for pod in workloads.deployed(cluster):
        if "deletionTimestamp" in pod["metadata"]:
            continue
        for each in pod["status"].get("containerStatuses", []):
            if "running" in each.get("state", {}):
                found[pod["metadata"]["name"]] = (each["containerID"], each["restartCount"], each["state"]["running"]["startedAt"])
    return found


def all_ready(cluster, before):
    def same():
        now = identities(cluster)
        changed = {name: (was, now.get(name)) for name, was in before.items() if now.get(name) != was}
        if changed:
            raise AssertionError(f"changed: {dict(list(changed.items())[:3])}")
        waiting = [
            pod["metadata"]["name"]
            for pod in workloads.deployed(cluster)
            if not any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", []))
        ]
        if waiting:
            raise AssertionError(f"not ready: {waiting[:5]}")
        return True

    eventually(same, 240, "the pods are as they were, and ready", 3)
    eventually(cluster.node_is_ready, 180, "the node is ready", 3)


def daemon_restarted(cluster):
    before = identities(cluster)
    run("systemctl", "restart", cluster.service, timeout=180)
    all_ready(cluster, before)


def kubelet_restarted(cluster):
    before = identities(cluster)
    cluster.restart_kubelet()
    all_ready(cluster, before)


def manager_reexecuted(cluster):
    before = identities(cluster)
    run("systemctl", "daemon-reexec", timeout=180)
    all_ready(cluster, before)


def daemon_killed(cluster, times=6):
    """SIGKILL again and again, with a job's pods made and removed meanwhile. Pods that ran before go on as they were."""
    before = identities(cluster)
    stop, failure = threading.Event(), []

    def kill():
        for _ in range(times):
            if stop.wait(7):
                return
            try:
                cluster.kill_runtime()
            except Exception as error:  # noqa: BLE001: told after the join
                failure.append(error)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        workloads.again(
            cluster.create,
            "jobs",
            workloads.job(
                "under-fire", workloads.spec(workloads.container("echo lived; sleep 1")), completions=12, parallelism=4, backoffLimit=50
            ),
            workloads.BATCH,
        )
        workloads.wait_for(cluster, "jobs", "under-fire", workloads.BATCH, lambda s: s.get("succeeded") == 12, 900)
    finally:
        stop.set()
        killer.join()
        cluster.delete("jobs", "under-fire", workloads.BATCH, propagationPolicy="Background")
    if failure:
        raise failure[0]
    all_ready(cluster, before)


def statistics_from_the_runtime(cluster):
    """The kubelet with PodAndContainerStatsFromCRI: it lives, and its figures are complete."""
    import figures

    cluster.restart_kubelet({"PodAndContainerStatsFromCRI": True})
    try:
        figures.summary(cluster, from_the_runtime=True)
        figures.cadvisor_metrics(cluster, workloads.deployed(cluster)[0]["metadata"]["name"], "main")
        if "panic" in cluster.kubelet_unit.tail(300):
            raise AssertionError("the kubelet panicked")
    finally:
        cluster.restart_kubelet()


def events_from_the_runtime(cluster):
    """The kubelet with EventedPLEG: pods come, end and go by the runtime's events, and those that run go on as they were."""
    before = identities(cluster)
    cluster.restart_kubelet({"EventedPLEG": True})
    try:
        cluster.create(
            "jobs", workloads.job("by-events", workloads.spec(workloads.container("exit 0")), completions=2, parallelism=2), workloads.BATCH
        )
        workloads.wait_for(cluster, "jobs", "by-events", workloads.BATCH, lambda s: s.get("succeeded") == 2, 240)
        cluster.delete("jobs", "by-events", workloads.BATCH, propagationPolicy="Background")
        all_ready(cluster, before)
    finally:
        cluster.restart_kubelet()


def scope_stopped(cluster):
    """A container's scope is stopped by hand: the kubelet sees the end and starts the container again."""
    pod = workloads.deployed(cluster)[0]
    name, status = pod["metadata"]["name"], pod["status"]["containerStatuses"][0]
    identifier = status["containerID"].split("/")[-1]
    scopes = [
        line.split()[0]
        for line in run("systemctl", "list-units", "--type=scope", "--plain", "--no-legend").splitlines()
        if identifier in line and "conmon" not in line
    ]
    if not scopes:
        return
    run("systemctl", "stop", scopes[0], timeout=120)
    eventually(
        lambda: cluster.pod(name)["status"]["containerStatuses"][0]["restartCount"] > status["restartCount"],
        180,
        f"{name} is started again",
        2,
    )


def leftovers():
    """What containers leave on a node, by kind: nothing when all pods are gone."""
    found = {}
    with open("/proc/self/mountinfo") as file:
        found["mounts"] = [line.split()[4] for line in file if " - overlay " in line or "/run/netns/" in line or "/swiftlet/pods/" in line]
    found["conmon"] = [pid for pid in os.listdir("/proc") if pid.isdigit() and comm(pid) == "conmon"]
    found["interfaces"] = [name for name in os.listdir("/sys/class/net") if name.startswith("veth")]
    found["scopes"] = [
        line.split()[0]
        for line in run("systemctl", "list-units", "--type=scope", "--plain", "--no-legend", "--all").splitlines()
        if line.startswith(("cri", "swiftlet"))
    ]
    found["cgroups"] = [
        f"{folder}/{name}"
        for folder, names, _ in os.walk("/sys/fs/cgroup/kubepods.slice")
        for name in names
        if "-pod" in name or name.startswith("cri")
    ]
    found["rules"] = [
        line for line in run("iptables-save", check=False).splitlines() if line.startswith(":CNI-") and "HOSTPORT" not in line
    ]
    return {kind: names for kind, names in found.items() if names}


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except OSError:
        return ""


def nothing_is_left():
    """The kubelet collects the garbage of pods that are gone every minute."""

    def gone():
        found = leftovers()
        if found:
            raise AssertionError({kind: (len(names), names[:3]) for kind, names in found.items()})
        return True

    eventually(gone, 240, "nothing is left", 5)
