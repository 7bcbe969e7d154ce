"""Pods by what they share with the node and what they are kept from: volumes, namespaces, users, capabilities, seccomp, AppArmor."""
import json
import os

from cluster import ADDRESS
from host import run, write
from images import DATA
from pods import IDLE, Case, container, spec, state

HOST = "/var/tmp/node-cluster-host"
PROFILE = "node-cluster-no-tmp"


def prepare():
    """What the pods below expect of the node: a seccomp and an AppArmor profile, files of the host."""
    os.makedirs(f"{HOST}/folder", exist_ok=True)
    write(f"{HOST}/file", "a file of the host\n")
    write("/var/lib/kubelet/seccomp/node-cluster.json", json.dumps({
        "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}))
    if apparmor():
        profile = f"#include <tunables/global>\nprofile {PROFILE} flags=(attach_disconnected) {{\n  file,\n  capability,\n  network,\n  signal,\n  deny /tmp/** w,\n}}\n"
        run("apparmor_parser", "-r", write("/run/node-cluster.apparmor", profile))


def apparmor():
    try:
        with open("/sys/module/apparmor/parameters/enabled") as file:
            return file.read().startswith("Y")
    except OSError:
        return False


def mount(name, path, **more):
    return {"name": name, "mountPath": path, **more}


def volume(name, **source):
    return {"name": name, **source}


def on_host(path, kind=""):
    return {"hostPath": {"path": path, "type": kind}}


def simple(name, script, expressions, mounts=(), volumes=(), container_more=None, **more):
    """A case of one container whose log tells everything."""
    return Case(name, spec(container(f"{script}; {IDLE}", volumeMounts=list(mounts), **(container_more or {})), volumes=list(volumes), **more),
                log={"main": expressions})


def secured(name, script, expressions, pod=None, **context):
    return simple(name, script, expressions, container_more={"securityContext": context}, **({"securityContext": pod} if pod else {}))


DOWNWARD = {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
                      {"path": "memory", "resourceFieldRef": {"containerName": "main", "resource": "limits.memory"}}]}

VOLUMES = [
    Case("volume-shared", spec(container("until cat /b/x; do sleep 0.5; done; " + IDLE, "reader", volumeMounts=[mount("v", "/b")]),
                               container("echo written > /a/x; " + IDLE, "writer", volumeMounts=[mount("v", "/a")]), volumes=[volume("v", emptyDir={})]),
         log={"reader": ["written"]}),
    simple("volume-in-memory", "grep ' /m ' /proc/mounts; dd if=/dev/zero of=/m/x bs=1M count=20 2>&1", ["^tmpfs /m tmpfs", "No space"],
           [mount("v", "/m")], [volume("v", emptyDir={"medium": "Memory", "sizeLimit": "8Mi"})]),
    simple("volume-host-file", "cat /f; echo x > /f; echo $?", ["a file of the host", "^1$"], [mount("v", "/f", readOnly=True)],
           [volume("v", **on_host(f"{HOST}/file", "File"))]),
    simple("volume-host-folder", "echo from the pod > /d/x; cat /d/x", ["from the pod"], [mount("v", "/d")], [volume("v", **on_host(f"{HOST}/folder", "Directory"))]),
    simple("volume-host-created", "ls -ld /d", ["^drwx"], [mount("v", "/d")], [volume("v", **on_host(f"{HOST}/created", "DirectoryOrCreate"))]),
    simple("volume-host-device", "test -c /dev/other && echo a device", ["a device"], [mount("v", "/dev/other")], [volume("v", **on_host("/dev/null", "CharDevice"))]),
    Case("volume-sub-path", spec(container("cat /one/inner /two; " + IDLE, volumeMounts=[mount("v", "/one", subPath="made"), mount("v", "/two", subPath="made/inner")]),
                                 initContainers=[container("mkdir /v/made; echo deeper > /v/made/inner", "init", volumeMounts=[mount("v", "/v")])],
                                 volumes=[volume("v", emptyDir={})]), log={"main": ["deeper\ndeeper"]}),
    simple("volume-sub-path-by-name", "echo x > /v/$POD; ls /all; grep ' /v ' /proc/mounts", ["^volume-sub-path-by-name"], [mount("v", "/all"), mount("v", "/v", subPathExpr="$(POD)")],
           [volume("v", emptyDir={})], container_more={"env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}),
    simple("volume-read-only", "touch /r/x; echo $?; touch /w/x; echo $?", ["^1$", "^0$"], [mount("v", "/r", readOnly=True), mount("v", "/w")], [volume("v", emptyDir={})]),
    simple("volume-recursively-read-only", "touch /r/shm/x && echo not; echo done", [r"Read-only.*\n(?!not)(.*\n)*done"], [mount("v", "/r", readOnly=True, recursiveReadOnly="Enabled")],
           [volume("v", **on_host("/dev", "Directory"))]),
    Case("volume-propagation", spec(container("mkdir -p /p/mounted && mount -t tmpfs made /p/mounted && echo up; trap 'umount /p/mounted; exit 0' TERM; while :; do sleep 1; done", "maker",
                                              securityContext={"privileged": True}, volumeMounts=[mount("v", "/p", mountPropagation="Bidirectional")]),
                                    container("until grep ' /p/mounted ' /proc/mounts; do sleep 1; done; " + IDLE, "taker",
                                              volumeMounts=[mount("v", "/p", mountPropagation="HostToContainer")]),
                                    volumes=[volume("v", emptyDir={})], terminationGracePeriodSeconds=20), log={"maker": ["up"], "taker": ["^made /p/mounted"]}),
    simple("volume-image", "cat /i/data/top /j/deep; touch /i/x; echo $?", ["from an image\ndeeper", "^1$"], [mount("i", "/i"), mount("i", "/j", subPath="data/inner")],
           [volume("i", image={"reference": DATA, "pullPolicy": "IfNotPresent"})]),
    simple("volume-downward", "cat /d/labels /d/memory", ['colour="red"', "67108864"], [mount("d", "/d")], [volume("d", downwardAPI=DOWNWARD)],
           container_more={"resources": {"limits": {"memory": "64Mi"}}}),
    simple("volume-etc-hosts", "cat /etc/hosts", [r"^192.0.2.77\s+other"], hostAliases=[{"ip": "192.0.2.77", "hostnames": ["other"]}]),
    simple("volume-resolv-conf", "cat /etc/resolv.conf", ["nameserver 192.0.2.53", "search a.example", "ndots:3"], dnsPolicy="None",
           dnsConfig={"nameservers": ["192.0.2.53"], "searches": ["a.example"], "options": [{"name": "ndots", "value": "3"}]}),
]
VOLUMES[[case.name for case in VOLUMES].index("volume-downward")].metadata["labels"] = {"colour": "red"}


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
    Case("host-port", spec(container("mkdir /w; echo from the pod > /w/index.html; exec httpd -f -p 8080 -h /w", ports=[{"containerPort": 8080, "hostPort": 18080}])),
         look=host_port_answers),
    Case("host-network", spec(container("ip link; hostname; " + IDLE), hostNetwork=True), log={"main": ["node-cluster", "^node$"]}, look=host_namespaces),
    simple("host-pid", "cat /proc/1/comm", ["systemd"], hostPID=True),
    simple("host-ipc", "readlink /proc/self/ns/ipc", [os.readlink("/proc/self/ns/ipc").replace("[", r"\[")], hostIPC=True),
    Case("shared-pid", spec(container("until ps | grep -v grep | grep 'sleep 123456'; do sleep 1; done; " + IDLE, "one"), container("exec sleep 123456", "two"), shareProcessNamespace=True), log={"one": ["sleep 123456"]}),
    Case("shared-pid-and-restarts", spec(container(name="stays"), container("sleep 1; exit 1", "goes"), shareProcessNamespace=True),
         {"phase": "Running", "containerStatuses": [state("stays", ready=True, restartCount=0), state("goes", restartCount=lambda n: n >= 2)]}),
    Case("own-pid", spec(container("ps; echo end; " + IDLE)), log={"main": [r"^\s*1 (root|0).*\n(.*\n){0,4}end"]}),
    simple("hostname", "hostname; hostname -f", ["^by-hand$"], hostname="by-hand", subdomain="sub"),
    Case("user-namespace", spec(container("cat /proc/self/uid_map; touch /v/x; stat -c %u /v/x; echo own > /root/y; " + IDLE, volumeMounts=[mount("v", "/v")]),
                                hostUsers=False, volumes=[volume("v", emptyDir={})]), log={"main": [r"^\s+0\s+[1-9]\d{4,}\s+65536", "^0$"]}, look=own_users),
    Case("user-namespace-of-two", spec(container("id -u; " + IDLE, "one", securityContext={"runAsUser": 1000}), container("id -u; " + IDLE, "two"), hostUsers=False,
                                       shareProcessNamespace=True), log={"one": ["^1000"], "two": ["^0"]}),
    simple("sysctls", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced", ["^0$", "^1$"],
           securityContext={"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}, {"name": "kernel.shm_rmid_forced", "value": "1"}]}),
]

STATUS = "grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/self/status"
SECURITY = [
    secured("user-and-group", "id", ["uid=1000 gid=2000 groups=.*3000"], pod={"supplementalGroups": [3000]}, runAsUser=1000, runAsGroup=2000),
    simple("fs-group", "id; ls -ldn /v; touch /v/x; ls -ln /v/x", ["groups=.*4000", r"^d.* 4000 .*/v", r"^-.* 1000 .*4000 .*/v/x"], [mount("v", "/v")],
           [volume("v", emptyDir={})], securityContext={"runAsUser": 1000, "fsGroup": 4000}),
    secured("groups-strict", "id", [r"groups=[^ ]*\b5000"], pod={"supplementalGroups": [5000], "supplementalGroupsPolicy": "Strict"}, runAsUser=65534),
    Case("root-refused", spec(container(securityContext={"runAsNonRoot": True})),
         {"phase": "Pending", "containerStatuses": [state(state={"waiting": {"reason": "CreateContainerConfigError"}})]}),
    secured("root-read-only", "touch /x; touch /tmp/x; echo $?", ["Read-only", "^1$"], readOnlyRootFilesystem=True),
    secured("capabilities-dropped", STATUS, [r"CapEff:\s+0{16}"], capabilities={"drop": ["ALL"]}),
    secured("capabilities-added", STATUS, [r"CapEff:\s+0000000000001000"], capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}),
    secured("privileged", STATUS + "; ls /dev", [r"CapEff:\s+0000[01]", "^ubda|^vda|^sda"], privileged=True),
    secured("no-new-privileges", STATUS, [r"NoNewPrivs:\s+1"], allowPrivilegeEscalation=False),
    secured("seccomp-default", STATUS, [r"Seccomp:\s+2"], seccompProfile={"type": "RuntimeDefault"}),
    secured("seccomp-none", STATUS, [r"Seccomp:\s+0"], seccompProfile={"type": "Unconfined"}),
    secured("seccomp-of-the-node", "mkdir /tmp/x; echo $?", ["not permitted", "^1$"], seccompProfile={"type": "Localhost", "localhostProfile": "node-cluster.json"}),
    simple("masked-proc", "mount | grep ' on /proc/'; head -c 1 /proc/timer_list | wc -c", [r" on /proc/(acpi|kcore|timer_list)", "^0$"]),
    simple("unmasked-proc", "mount | grep -c ' on /proc/'", ["^0$"], container_more={"securityContext": {"procMount": "Unmasked"}}, hostUsers=False),
    *([secured("apparmor-default", "cat /proc/self/attr/current", [r"\(enforce\)"], appArmorProfile={"type": "RuntimeDefault"}),
       secured("apparmor-none", "cat /proc/self/attr/current", ["^unconfined"], appArmorProfile={"type": "Unconfined"}),
       secured("apparmor-of-the-node", "cat /proc/self/attr/current; touch /tmp/x; touch /x; echo $?", [PROFILE, "denied", "^0$"],
               appArmorProfile={"type": "Localhost", "localhostProfile": PROFILE}),
       Case("apparmor-unknown", spec(container(securityContext={"appArmorProfile": {"type": "Localhost", "localhostProfile": "node-cluster-no-such"}})),
            {"containerStatuses": [state(state={"waiting": {"reason": "CreateContainerError"}})]}, event="node-cluster-no-such")] if apparmor() else []),
    simple("environment", "echo ip $IP on $ON; echo memory $MEMORY; echo $(pwd)", [rf"ip \d+\.\d+\.\d+\.\d+ on {ADDRESS}", "memory 33554432", "^/tmp$"],
           container_more={"workingDir": "/tmp", "resources": {"limits": {"memory": "32Mi"}}, "env": [
               {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}, {"name": "ON", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
               {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}}]}),
]

CASES = VOLUMES + NAMESPACES + SECURITY
