"""What the controllers make: Deployment, DaemonSet, Job, StatefulSet, CronJob; RuntimeClass; volumes of the API; a rollout; many pods."""

import time

from api import Answer
from cluster import NAMESPACE
from host import eventually
from pods import IDLE, Case, container, resources, spec

APPS, BATCH = "/apis/apps/v1", "/apis/batch/v1"


def workload(name, template, **more):
    labels = {"app": name}
    return {
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": template}, **more},
    }


def job(name, template, **more):
    return {
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"template": {"spec": {"restartPolicy": "Never", **template}}, **more},
    }


def make_objects(cluster):
    """ConfigMap, Secret, PersistentVolume: what the pods below mount."""
    for kind, body in (
        ("configmaps", {"metadata": {"name": "words"}, "data": {"greeting": "hello", "name": "configured"}}),
        ("secrets", {"metadata": {"name": "hidden"}, "stringData": {"password": "secret words"}}),
        (
            "persistentvolumeclaims",
            {
                "metadata": {"name": "disk"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "storageClassName": "",
                    "volumeName": "node-cluster",
                    "resources": {"requests": {"storage": "1Mi"}},
                },
            },
        ),
    ):
        again(cluster.create, kind, body)
    again(
        cluster.api.post,
        "/api/v1/persistentvolumes",
        {
            "metadata": {"name": "node-cluster"},
            "spec": {
                "capacity": {"storage": "1Mi"},
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "",
                "hostPath": {"path": "/var/tmp/node-cluster-volume", "type": "DirectoryOrCreate"},
            },
        },
    )
    for handler in cluster.runtime_handlers() + ["no-such-handler"]:
        again(cluster.api.post, "/apis/node.k8s.io/v1/runtimeclasses", {"metadata": {"name": handler}, "handler": handler})


def again(function, *arguments):
    try:
        function(*arguments)
    except Answer as answer:
        if answer.status != 409:
            raise


def mounted(name, script, expressions, volumes, mounts, **more):
    return Case(name, spec(container(f"{script}; {IDLE}", volumeMounts=mounts, **more), volumes=volumes), log={"main": expressions})


def api_cases(cluster):
    cases = [
        mounted(
            "config-map",
            "cat /c/greeting; echo $NAME",
            ["hello", "configured"],
            [{"name": "c", "configMap": {"name": "words"}}],
            [{"name": "c", "mountPath": "/c"}],
            env=[{"name": "NAME", "valueFrom": {"configMapKeyRef": {"name": "words", "key": "name"}}}],
        ),
        mounted(
            "secret",
            "cat /c/password; echo; ls -lL /c/password",
            ["secret words", "^-r--------"],
            [{"name": "c", "secret": {"secretName": "hidden", "defaultMode": 0o400}}],
            [{"name": "c", "mountPath": "/c", "readOnly": True}],
        ),
        mounted(
            "projected",
            "ls /c; head -c 5 /c/token; echo",
            [r"^greeting\n(.*\n)*token", "^eyJ"],
            [
                {
                    "name": "c",
                    "projected": {
                        "sources": [
                            {"serviceAccountToken": {"path": "token"}},
                            {"configMap": {"name": "words"}},
                            {"secret": {"name": "hidden"}},
                        ]
                    },
                }
            ],
            [{"name": "c", "mountPath": "/c"}],
        ),
        mounted(
            "persistent-volume",
            "echo kept > /c/x; cat /c/x",
            ["kept"],
            [{"name": "c", "persistentVolumeClaim": {"claimName": "disk"}}],
            [{"name": "c", "mountPath": "/c"}],
        ),
        Case(
            "token-of-the-account",
            {**spec(container("ls /var/run/secrets/kubernetes.io/serviceaccount; " + IDLE)), "automountServiceAccountToken": True},
            log={"main": ["^ca.crt", "^token"]},
        ),
        # The kubelet evicts by the runtime's figures of writable layers.
        Case(
            "disk-over-its-limit",
            spec(container("dd if=/dev/zero of=/big bs=1M count=40; " + IDLE, resources={"limits": {"ephemeral-storage": "20Mi"}})),
            {"phase": "Failed", "reason": "Evicted", "message": "~ephemeral"},
            timeout=120,
        ),
        Case("runtime-class-unknown", spec(runtimeClassName="no-such-handler"), {"phase": "Pending"}, event="no-such-handler"),
    ]
    cases += [
        Case(f"runtime-class-{handler}", spec(runtimeClassName=handler), look=handled(handler)) for handler in cluster.runtime_handlers()
    ]
    return cases


def handled(handler):
    def look(cluster, pod):
        node = cluster.api.get("/api/v1/nodes/node")
        names = {each["name"] for each in node["status"].get("runtimeHandlers", [])}
        if handler not in names:
            raise AssertionError(f"the node's runtime handlers are {sorted(names)}")

    return look


def wait_for(cluster, kind, name, group, wanted, timeout):
    return eventually(
        lambda: wanted(cluster.api.get(f"{group}/namespaces/{NAMESPACE}/{kind}/{name}")["status"]), timeout, f"{kind} {name}", 2
    )


def daemon_set(cluster):
    cluster.create("daemonsets", workload("everywhere", spec(container(), hostNetwork=True)), APPS)
    wait_for(cluster, "daemonsets", "everywhere", APPS, lambda s: s.get("numberReady") == 1 == s.get("desiredNumberScheduled"), 180)


def stateful_set(cluster):
    cluster.create("statefulsets", workload("in-order", spec(container("hostname; " + IDLE)), replicas=2, serviceName="in-order"), APPS)
    wait_for(cluster, "statefulsets", "in-order", APPS, lambda s: s.get("readyReplicas") == 2, 240)
    assert cluster.log("in-order-1", "main").strip() == "in-order-1"


def jobs(cluster):
    cluster.create("jobs", job("many", spec(container("echo done")), completions=6, parallelism=3), BATCH)
    cluster.create("jobs", job("hopeless", spec(container("exit 3")), backoffLimit=1), BATCH)
    wait_for(cluster, "jobs", "many", BATCH, lambda s: s.get("succeeded") == 6, 300)
    wait_for(
        cluster,
        "jobs",
        "hopeless",
        BATCH,
        lambda s: any(each["type"] == "Failed" and each["status"] == "True" for each in s.get("conditions", [])),
        300,
    )


def deployment(cluster, replicas):
    # The first look is at once; later ones would be all that the one CPU of such a node does: a command in each of 110 pods.
    readiness = {"exec": {"command": ["test", "-e", "/tmp/up"]}, "periodSeconds": 120, "timeoutSeconds": 30}
    cluster.create(
        "deployments",
        workload(
            "many-pods",
            spec(container(f"touch /tmp/up; {IDLE}", readinessProbe=readiness, resources=resources("1m", "4Mi", limits=False))),
            replicas=replicas,
            strategy={"rollingUpdate": {"maxSurge": 4, "maxUnavailable": 4}},
        ),
        APPS,
    )
    begin = time.monotonic()
    wait_for(cluster, "deployments", "many-pods", APPS, lambda s: s.get("readyReplicas") == replicas, 180 + 20 * replicas)
    return f"{time.monotonic() - begin:.0f} s"


def scale(cluster, replicas, per_pod=15):
    cluster.api.patch(f"{APPS}/namespaces/{NAMESPACE}/deployments/many-pods", {"spec": {"replicas": replicas}})
    eventually(lambda: len(deployed(cluster)) == replicas, 120 + per_pod * max(replicas, 20), f"{replicas} pods are left", 2)


def deployed(cluster):
    return cluster.api.get(f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app%3Dmany-pods")["items"]


def rollout(cluster, replicas):
    change = {"spec": {"template": {"metadata": {"annotations": {"version": "2"}}}}}
    cluster.api.patch(f"{APPS}/namespaces/{NAMESPACE}/deployments/many-pods", change)
    wait_for(
        cluster,
        "deployments",
        "many-pods",
        APPS,
        lambda s: s.get("updatedReplicas") == replicas == s.get("readyReplicas") == s.get("replicas")
        and s.get("observedGeneration", 0) >= 2,
        240 + 30 * replicas,
    )


def resize(cluster):
    """A pod's CPU and memory are changed while it runs."""
    cluster.create(
        "pods",
        {
            "metadata": {"name": "resized"},
            "spec": spec(
                container(
                    "while :; do cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/memory.max; sleep 2; done", resources=resources("100m", "64Mi")
                )
            ),
        },
    )
    eventually(lambda: "10000 100000" in cluster.log("resized", "main"), 120, "the first limit")
    change = {"spec": {"containers": [{"name": "main", "resources": resources("200m", "96Mi")}]}}
    cluster.api.patch(f"/api/v1/namespaces/{NAMESPACE}/pods/resized/resize", change)
    eventually(lambda: "20000 100000\n100663296" in cluster.log("resized", "main")[-200:], 120, "the new limits")

    def told():
        each = cluster.pod("resized")["status"]["containerStatuses"][0]
        return each["restartCount"] == 0 and each.get("resources", {}).get("limits", {}).get("cpu") == "200m"

    eventually(told, 120, "the status tells the new limits and no restart")
    cluster.delete("pods", "resized")


def remove_all(cluster):
    """Removes all workloads, and waits for their pods to go."""
    for kind, group in (("deployments", APPS), ("daemonsets", APPS), ("statefulsets", APPS), ("jobs", BATCH)):
        for each in cluster.api.get(f"{group}/namespaces/{NAMESPACE}/{kind}")["items"]:
            cluster.delete(kind, each["metadata"]["name"], group, propagationPolicy="Background")
    for name in cluster.pods():
        cluster.delete("pods", name)
    eventually(lambda: not cluster.pods(), 1200, "all pods are gone", 3)
