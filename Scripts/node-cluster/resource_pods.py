"""Pods by what they use: quality of service, memory until they are killed for it, logs that are rotated."""

import glob
import os

from pods import IDLE, Case, at_least, container, ended, over, resources, running, spec, state

FIGURES = "cd /sys/fs/cgroup; for f in cpu.max cpu.weight memory.max pids.max; do echo $f $(cat $f); done; "


def oom_killed(name="main"):
    return state(name, state=ended(137, "OOMKilled"))


RESOURCES = [
    Case(
        "qos-guaranteed",
        spec(container(FIGURES + IDLE, resources=resources("200m", "64Mi"))),
        {"phase": "Running", "qosClass": "Guaranteed", "containerStatuses": [state(ready=True)]},
        log={"main": [r"^cpu.max 20000 100000", r"^memory.max 67108864"]},
    ),
    Case(
        "qos-burstable",
        spec(container(FIGURES + IDLE, resources=resources("100m", "32Mi", limits=False))),
        {"phase": "Running", "qosClass": "Burstable", "containerStatuses": [state(ready=True)]},
        log={"main": [r"^cpu.max max", r"^memory.max max"]},
    ),
    Case(
        "qos-best-effort",
        spec(container(FIGURES + IDLE)),
        {"phase": "Running", "qosClass": "BestEffort", "containerStatuses": [state(ready=True)]},
        log={"main": [r"^cpu.weight 1\s", r"^memory.max max"]},
    ),
    Case("oom", spec(container("tail /dev/zero", resources=resources(memory="24Mi")), restartPolicy="Never"), over("Failed", oom_killed())),
    Case(
        "oom-of-a-child",
        spec(container("sh -c 'tail /dev/zero'; exit 5", resources=resources(memory="24Mi")), restartPolicy="Never"),
        over("Failed", state(state={"terminated": {"reason": "OOMKilled"}})),
    ),
    Case(
        "oom-again-and-again",
        spec(container("sleep 1; tail /dev/zero", resources=resources(memory="24Mi"))),
        running(restartCount=at_least(2), lastState=ended(137, "OOMKilled")),
        timeout=90,
    ),
    *[
        Case(
            f"oom-{n}-of-many",
            spec(container("tail /dev/zero", resources=resources(memory="20Mi")), restartPolicy="Never"),
            over("Failed", oom_killed()),
        )
        for n in range(1, 6)
    ],
]


def rotated(cluster, pod):
    files = glob.glob(f"/var/log/pods/checks_{pod['metadata']['name']}_*/main/*")
    names = sorted(os.path.basename(file) for file in files)
    if "0.log" not in names or len(names) < 2:
        raise AssertionError(f"no rotated log beside 0.log: {names}")
    if not os.path.getsize(next(file for file in files if file.endswith("/0.log"))):
        raise AssertionError("nothing is written to 0.log after the rotation")


LOGS = [
    Case(
        "log-rotation",
        spec(
            container(
                "i=0; while :; do echo line $((i=i+1)) of a log that grows until it is rotated by the kubelet; "
                "[ $((i % 50)) = 0 ] && sleep 0.2; done"
            )
        ),
        look=rotated,
        timeout=60,
    ),
    Case(
        "log-of-two-streams", spec(container("echo to out; echo to err >&2; printf partial; " + IDLE)), log={"main": ["to out", "to err"]}
    ),
    Case("log-of-a-terminal", spec(container("test -t 1 && echo a terminal; " + IDLE, tty=True, stdin=True)), log={"main": ["a terminal"]}),
    Case(
        "log-of-a-long-line",
        spec(container("head -c 100000 /dev/zero | tr '\\0' x; echo; echo after; " + IDLE)),
        log={"main": ["x{100000}", "^after"]},
    ),
]

CASES = RESOURCES + LOGS
