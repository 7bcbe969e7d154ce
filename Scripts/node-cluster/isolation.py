"""Pods by what they share with the node and what they are kept from: namespaces, users, capabilities, seccomp, AppArmor."""

import json
import os

import volumes
from cluster import ADDRESS
from host import run, write
from pods import IDLE, Case, container, spec, state
from volumes import HOST, mount, simple, volume

PROFILE = "node-cluster-no-tmp"


def prepare():
    """What the pods below expect of the node: a seccomp and an AppArmor profile, files of the host."""
    os.makedirs(f"{HOST}/folder", exist_ok=True)
    write(f"{HOST}/file", "a file of the host\n")
    write(
        "/var/lib/kubelet/seccomp/node-cluster.json",
        json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}),
    )
    if apparmor():
        profile = (
            f"#include <tunables/global>\nprofile {PROFILE} flags=(attach_disconnected) {{\n"
            "  file,\n  capability,\n  network,\n  signal,\n  deny /tmp/** w,\n}\n"
        )
        run("apparmor_parser", "-r", write("/run/node-cluster.apparmor", profile))


def apparmor():
    try:
        with open("/sys/module/apparmor/parameters/enabled") as file:
            return file.read().startswith("Y")
    except OSError:
        return False


def secured(name, script, expressions, pod=None, **context):
    return simple(name, script, expressions, container_more={"securityContext": context}, **({"securityContext": pod} if pod else {}))


def host_port_answers(cluster, pod):
    text = run("curl", "-sf", "-m", "10", f"http://{ADDRESS}:18080/")
    if "from the pod" not in text:
        raise AssertionError(f"{ADDRESS}:18080 answers {text!r}")


def host_namespaces(cluster, pod):
    if pod["status"]["podIP"] != ADDRESS:
        raise AssertionError(f"the pod's address is {pod['status']['podIP']}")


def own_users(cluster, pod):
    identifier = pod["status"]["containerStatuses"][0]["containerID"].split("/")[-1]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cgroup") as file:
                if identifier not in file.read():
                    continue
            uid = os.stat(f"/proc/{pid}").st_uid
        except OSError:
            continue
        if uid >= 65536:
            return
    raise AssertionError("no process of the container has a user beyond 65535")


NAMESPACES = [
    Case(
        "host-port",
        spec(
            container(
                "mkdir /w; echo from the pod > /w/index.html; exec httpd -f -p 8080 -h /w",
                ports=[{"containerPort": 8080, "hostPort": 18080}],
            )
        ),
        look=host_port_answers,
    ),
    Case(
        "host-network",
        spec(container("ip link; hostname; " + IDLE), hostNetwork=True),
        log={"main": ["node-cluster", "^node$"]},
        look=host_namespaces,
    ),
    simple("host-pid", "cat /proc/1/comm", ["systemd"], hostPID=True),
    simple("host-ipc", "readlink /proc/self/ns/ipc", [os.readlink("/proc/self/ns/ipc").replace("[", r"\[")], hostIPC=True),
    Case(
        "shared-pid",
        spec(
            container("until ps | grep -v grep | grep 'sleep 123456'; do sleep 1; done; " + IDLE, "one"),
            container("exec sleep 123456", "two"),
            shareProcessNamespace=True,
        ),
        log={"one": ["sleep 123456"]},
    ),
    Case(
        "shared-pid-and-restarts",
        spec(container(name="stays"), container("sleep 1; exit 1", "goes"), shareProcessNamespace=True),
        {
            "phase": "Running",
            "containerStatuses": [state("stays", ready=True, restartCount=0), state("goes", restartCount=lambda n: n >= 2)],
        },
    ),
    Case("own-pid", spec(container("ps; echo end; " + IDLE)), log={"main": [r"^\s*1 (root|0).*\n(.*\n){0,4}end"]}),
    simple("hostname", "hostname; hostname -f", ["^by-hand$"], hostname="by-hand", subdomain="sub"),
    Case(
        "user-namespace",
        spec(
            container("cat /proc/self/uid_map; touch /v/x; stat -c %u /v/x; echo own > /root/y; " + IDLE, volumeMounts=[mount("v", "/v")]),
            hostUsers=False,
            volumes=[volume("v", emptyDir={})],
        ),
        log={"main": [r"^\s+0\s+[1-9]\d{4,}\s+65536", "^0$"]},
        look=own_users,
    ),
    Case(
        "user-namespace-of-two",
        spec(
            container("id -u; " + IDLE, "one", securityContext={"runAsUser": 1000}),
            container("id -u; " + IDLE, "two"),
            hostUsers=False,
            shareProcessNamespace=True,
        ),
        log={"one": ["^1000"], "two": ["^0"]},
    ),
    simple(
        "sysctls",
        "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced",
        ["^0$", "^1$"],
        securityContext={
            "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}, {"name": "kernel.shm_rmid_forced", "value": "1"}]
        },
    ),
]

STATUS = "grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/self/status"
SECURITY = [
    secured(
        "user-and-group", "id", ["uid=1000 gid=2000 groups=.*3000"], pod={"supplementalGroups": [3000]}, runAsUser=1000, runAsGroup=2000
    ),
    simple(
        "fs-group",
        "id; ls -ldn /v; touch /v/x; ls -ln /v/x",
        ["groups=.*4000", r"^d.* 4000 .*/v", r"^-.* 1000 .*4000 .*/v/x"],
        [mount("v", "/v")],
        [volume("v", emptyDir={})],
        securityContext={"runAsUser": 1000, "fsGroup": 4000},
    ),
    secured(
        "groups-strict",
        "id",
        [r"groups=[^ ]*\b5000"],
        pod={"supplementalGroups": [5000], "supplementalGroupsPolicy": "Strict"},
        runAsUser=65534,
    ),
    Case(
        "root-refused",
        spec(container(securityContext={"runAsNonRoot": True})),
        {"phase": "Pending", "containerStatuses": [state(state={"waiting": {"reason": "CreateContainerConfigError"}})]},
    ),
    secured("root-read-only", "touch /x; touch /tmp/x; echo $?", ["Read-only", "^1$"], readOnlyRootFilesystem=True),
    secured("capabilities-dropped", STATUS, [r"CapEff:\s+0{16}"], capabilities={"drop": ["ALL"]}),
    secured("capabilities-added", STATUS, [r"CapEff:\s+0000000000001000"], capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}),
    secured("privileged", STATUS + "; ls /dev", [r"CapEff:\s+0000[01]", "^ubda|^vda|^sda"], privileged=True),
    secured("no-new-privileges", STATUS, [r"NoNewPrivs:\s+1"], allowPrivilegeEscalation=False),
    secured("seccomp-default", STATUS, [r"Seccomp:\s+2"], seccompProfile={"type": "RuntimeDefault"}),
    secured("seccomp-none", STATUS, [r"Seccomp:\s+0"], seccompProfile={"type": "Unconfined"}),
    secured(
        "seccomp-of-the-node",
        "mkdir /tmp/x; echo $?",
        ["not permitted", "^1$"],
        seccompProfile={"type": "Localhost", "localhostProfile": "node-cluster.json"},
    ),
    simple("masked-proc", "mount | grep ' on /proc/'; head -c 1 /proc/timer_list | wc -c", [r" on /proc/(acpi|kcore|timer_list)", "^0$"]),
    simple(
        "unmasked-proc",
        "mount | grep -c ' on /proc/'",
        ["^0$"],
        container_more={"securityContext": {"procMount": "Unmasked"}},
        hostUsers=False,
    ),
    *(
        [
            secured("apparmor-default", "cat /proc/self/attr/current", [r"\(enforce\)"], appArmorProfile={"type": "RuntimeDefault"}),
            secured("apparmor-none", "cat /proc/self/attr/current", ["^unconfined"], appArmorProfile={"type": "Unconfined"}),
            secured(
                "apparmor-of-the-node",
                "cat /proc/self/attr/current; touch /tmp/x; touch /x; echo $?",
                [PROFILE, "denied", "^0$"],
                appArmorProfile={"type": "Localhost", "localhostProfile": PROFILE},
            ),
            Case(
                "apparmor-unknown",
                spec(container(securityContext={"appArmorProfile": {"type": "Localhost", "localhostProfile": "node-cluster-no-such"}})),
                {"containerStatuses": [state(state={"waiting": {"reason": "CreateContainerError"}})]},
                event="node-cluster-no-such",
            ),
        ]
        if apparmor()
        else []
    ),
    simple(
        "environment",
        "echo ip $IP on $ON; echo memory $MEMORY; echo $(pwd)",
        [rf"ip \d+\.\d+\.\d+\.\d+ on {ADDRESS}", "memory 33554432", "^/tmp$"],
        container_more={
            "workingDir": "/tmp",
            "resources": {"limits": {"memory": "32Mi"}},
            "env": [
                {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                {"name": "ON", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
                {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}},
            ],
        },
    ),
]

CASES = volumes.CASES + NAMESPACES + SECURITY
