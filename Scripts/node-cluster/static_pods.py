"""Pods that need the kubelet and the runtime alone: probes, init containers, hooks, ends."""

import os

from images import DATA, ETCD
from pods import IDLE, Case, at_least, container, ended, over, running, spec, state

HTTPD = "mkdir -p /www && echo fine > /www/index.html && exec httpd -f -p 8080 -h /www"
LEFT = "/var/tmp/node-cluster-hooks"


def probe(kind, **more):
    return {"periodSeconds": 3, "timeoutSeconds": 40, "failureThreshold": 20, **kind, **more}


def all_probes(kind, **more):
    return {each: probe(kind, **more) for each in ("startupProbe", "readinessProbe", "livenessProbe")}


def command(*words):
    return {"exec": {"command": list(words)}}


def hook_ran(name):
    def look():
        path = f"{LEFT}/{name}"
        if not os.path.exists(path):
            raise AssertionError(f"the hook left no {path}")
        os.unlink(path)

    return look


HOOKS = [{"name": "left", "hostPath": {"path": LEFT, "type": "DirectoryOrCreate"}}]
HOOKS_AT = [{"name": "left", "mountPath": "/left"}]

PROBES = [
    Case("probe-exec", spec(container(f"touch /tmp/ready; {IDLE}", **all_probes(command("test", "-e", "/tmp/ready"))))),
    Case("probe-http", spec(container(HTTPD, **all_probes({"httpGet": {"port": 8080, "path": "/"}})))),
    Case("probe-tcp", spec(container(HTTPD, **all_probes({"tcpSocket": {"port": 8080}})))),
    Case(
        "probe-grpc",
        spec(
            container(
                None,
                image=ETCD,
                command=[
                    "/usr/bin/etcd",
                    "--data-dir=/data",
                    "--listen-client-urls=http://0.0.0.0:2379",
                    "--advertise-client-urls=http://127.0.0.1:2379",
                ],
                **all_probes({"grpc": {"port": 2379}}, failureThreshold=60),
            )
        ),
    ),
    Case(
        "probe-liveness-fails",
        spec(container(livenessProbe=probe(command("false"), failureThreshold=1))),
        running(restartCount=at_least(1)),
        event="Liveness probe failed",
    ),
    Case(
        "probe-startup-fails",
        spec(container(startupProbe=probe(command("false"), failureThreshold=2))),
        running(restartCount=at_least(1)),
        event="Startup probe failed",
    ),
    Case(
        "probe-readiness-fails",
        spec(container(readinessProbe=probe(command("false")))),
        running(ready=False, restartCount=0, state={"running": {}}),
        event="Readiness probe failed",
    ),
    Case(
        "probe-times-out",
        spec(container(livenessProbe=probe(command("sleep", "600"), timeoutSeconds=1, failureThreshold=1))),
        running(restartCount=at_least(1)),
        event="timed out|timeout",
    ),
    Case("probe-starts-a-daemon", spec(container(readinessProbe=probe(command("sh", "-c", "sleep 600 & true"), failureThreshold=1)))),
    Case(
        "probe-output",
        spec(container(readinessProbe=probe(command("sh", "-c", "echo what is wrong; exit 3")))),
        running(ready=False),
        event="what is wrong",
    ),
]

ORDER = [
    Case(
        "init-in-order",
        spec(
            container("cat /shared/log; " + IDLE, volumeMounts=[{"name": "s", "mountPath": "/shared"}]),
            initContainers=[
                container(f"echo {n} >> /shared/log", n, volumeMounts=[{"name": "s", "mountPath": "/shared"}])
                for n in ("first", "second", "third")
            ],
            volumes=[{"name": "s", "emptyDir": {}}],
        ),
        log={"main": ["first\nsecond\nthird"]},
    ),
    Case(
        "init-fails-and-is-repeated",
        spec(
            initContainers=[
                container("test -e /s/again || { touch /s/again; exit 1; }", "init", volumeMounts=[{"name": "s", "mountPath": "/s"}])
            ],
            volumes=[{"name": "s", "emptyDir": {}}],
        ),
        {"phase": "Running", "initContainerStatuses": [state("init", restartCount=1)], "containerStatuses": [state(ready=True)]},
    ),
    Case(
        "init-fails-for-good",
        spec(initContainers=[container("exit 7", "init")], restartPolicy="Never"),
        {"phase": "Failed", "initContainerStatuses": [state("init", state=ended(7))]},
    ),
    Case(
        "sidecar",
        spec(
            container("cat /s/up && " + IDLE, volumeMounts=[{"name": "s", "mountPath": "/s"}]),
            initContainers=[
                container(
                    f"touch /s/up; {IDLE}",
                    "side",
                    restartPolicy="Always",
                    volumeMounts=[{"name": "s", "mountPath": "/s"}],
                    startupProbe=probe(command("test", "-e", "/s/up")),
                )
            ],
            volumes=[{"name": "s", "emptyDir": {}}],
        ),
        {
            "phase": "Running",
            "initContainerStatuses": [state("side", ready=True, started=True, restartCount=0)],
            "containerStatuses": [state(ready=True, restartCount=0)],
        },
    ),
    Case(
        "sidecar-ends-with-the-pod",
        spec(container("sleep 3"), restartPolicy="Never", initContainers=[container(name="side", restartPolicy="Always")]),
        {
            "phase": "Succeeded",
            "initContainerStatuses": [state("side", state={"terminated": {}})],
            "containerStatuses": [state(state=ended(0, "Completed"))],
        },
    ),
    Case(
        "sidecar-that-crashes",
        spec(initContainers=[container("sleep 15; exit 1", "side", restartPolicy="Always")]),
        {
            "phase": "Running",
            "initContainerStatuses": [state("side", restartCount=at_least(1))],
            "containerStatuses": [state(restartCount=0)],
        },
    ),
    Case(
        "two-containers-one-network",
        spec(container(HTTPD, "server"), container("until wget -qO- http://127.0.0.1:8080/; do sleep 1; done; " + IDLE, "client")),
        log={"client": ["^fine"]},
    ),
]

LIFECYCLE = [
    Case(
        "hook-post-start",
        spec(
            container(
                "until test -e /tmp/hook; do sleep 0.2; done; echo seen; " + IDLE, lifecycle={"postStart": command("touch", "/tmp/hook")}
            )
        ),
        log={"main": ["seen"]},
    ),
    Case("hook-post-start-daemon", spec(container(lifecycle={"postStart": command("sh", "-c", "sleep 3000 & true")}))),
    Case("hook-post-start-fails", spec(container(lifecycle={"postStart": command("false")})), running(ready=False), event="PostStartHook"),
    Case(
        "hook-post-start-http",
        spec(container(HTTPD, lifecycle={"postStart": {"httpGet": {"port": 8080, "path": "/"}}})),
        running(state={"running": {}}),
        timeout=60,
    ),
    Case(
        "hook-pre-stop",
        spec(
            container(lifecycle={"preStop": command("touch", "/left/pre-stop")}, volumeMounts=HOOKS_AT),
            volumes=HOOKS,
            terminationGracePeriodSeconds=20,
        ),
        after=hook_ran("pre-stop"),
    ),
    Case("hook-pre-stop-sleep", spec(container(lifecycle={"preStop": {"sleep": {"seconds": 1}}}))),
    Case(
        "term-is-delivered",
        spec(
            container("trap 'touch /left/term; exit 0' TERM; while :; do sleep 1; done", volumeMounts=HOOKS_AT),
            volumes=HOOKS,
            terminationGracePeriodSeconds=30,
        ),
        after=hook_ran("term"),
    ),
    Case("term-is-ignored", spec(container("trap '' TERM; while :; do sleep 1; done"), terminationGracePeriodSeconds=2)),
    Case("exit-code", spec(container("exit 42"), restartPolicy="Never"), over("Failed", state(state=ended(42, "Error")))),
    Case(
        "exit-by-signal",
        spec(container("sh -c 'kill -9 $PPID'; sleep 100"), shareProcessNamespace=True, restartPolicy="Never"),
        over("Failed", state(state=ended(137, "Error"))),
    ),
    Case(
        "on-failure",
        spec(
            container("test -e /s/x && exit 0; touch /s/x; exit 1", volumeMounts=[{"name": "s", "mountPath": "/s"}]),
            restartPolicy="OnFailure",
            volumes=[{"name": "s", "emptyDir": {}}],
        ),
        over("Succeeded", state(restartCount=1, state=ended(0))),
    ),
    Case(
        "crash-loop",
        spec(container("echo going down; exit 1")),
        {
            "phase": "Running",
            "containerStatuses": [
                state(restartCount=at_least(2), state={"waiting": {"reason": "CrashLoopBackOff"}}, lastState=ended(1, "Error"))
            ],
        },
        timeout=60,
    ),
    Case("deadline", spec(activeDeadlineSeconds=15), {"phase": "Failed", "reason": "DeadlineExceeded"}, timeout=30),
    Case(
        "message",
        spec(container("echo -n the end > /dev/termination-log; exit 1"), restartPolicy="Never"),
        over("Failed", state(state=ended(1, message="the end"))),
    ),
    Case(
        "message-elsewhere",
        spec(container("echo -n over > /tmp/why", terminationMessagePath="/tmp/why"), restartPolicy="Never"),
        over("Succeeded", state(state=ended(0, message="over"))),
    ),
    Case(
        "message-from-the-log",
        spec(container("echo the last line; exit 2", terminationMessagePolicy="FallbackToLogsOnError"), restartPolicy="Never"),
        over("Failed", state(state=ended(2, message="~the last line"))),
    ),
    Case(
        "command-not-found",
        spec(container(None, command=["/no/such/program"]), restartPolicy="Never"),
        # Known when the container is created (runc), or not before it is started (crun).
        running(state={"waiting": {"reason": "~CreateContainerError|RunContainerError"}}) | {"phase": "Pending"},
        event="/no/such/program",
    ),
    Case("image-command", spec(container(None, image=DATA)), log={"main": ["^1234", "^/$", "from an image"]}),
    Case(
        "image-never",
        spec(container(image="127.0.0.1:5077/never:1", imagePullPolicy="Never")),
        running(state={"waiting": {"reason": "~ErrImageNeverPull"}}) | {"phase": "Pending"},
    ),
    Case(
        "image-absent",
        spec(container(image="127.0.0.1:5077/absent:1")),
        running(state={"waiting": {"reason": "~ErrImagePull|ImagePullBackOff"}}) | {"phase": "Pending"},
        event="127.0.0.1:5077/absent:1.*not found",
    ),
    Case("image-always", spec(container(imagePullPolicy="Always"))),
]

CASES = PROBES + ORDER + LIFECYCLE
