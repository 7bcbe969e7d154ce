"""Pods by their volumes: of the pod, of the node, of an image, of what the kubelet writes."""

from images import DATA
from pods import IDLE, Case, container, spec

HOST = "/var/tmp/node-cluster-host"


def mount(name, path, **more):
    return {"name": name, "mountPath": path, **more}


def volume(name, **source):
    return {"name": name, **source}


def on_host(path, kind=""):
    return {"hostPath": {"path": path, "type": kind}}


def simple(name, script, expressions, mounts=(), volumes=(), container_more=None, **more):
    """A case of one container whose log tells everything."""
    return Case(
        name,
        spec(container(f"{script}; {IDLE}", volumeMounts=list(mounts), **(container_more or {})), volumes=list(volumes), **more),
        log={"main": expressions},
    )


DOWNWARD = {
    "items": [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "memory", "resourceFieldRef": {"containerName": "main", "resource": "limits.memory"}},
    ]
}

CASES = [
    Case(
        "volume-shared",
        spec(
            container("until cat /b/x; do sleep 0.5; done; " + IDLE, "reader", volumeMounts=[mount("v", "/b")]),
            container("echo written > /a/x; " + IDLE, "writer", volumeMounts=[mount("v", "/a")]),
            volumes=[volume("v", emptyDir={})],
        ),
        log={"reader": ["written"]},
    ),
    simple(
        "volume-in-memory",
        "grep ' /m ' /proc/mounts; dd if=/dev/zero of=/m/x bs=1M count=20 2>&1",
        ["^tmpfs /m tmpfs", "No space"],
        [mount("v", "/m")],
        [volume("v", emptyDir={"medium": "Memory", "sizeLimit": "8Mi"})],
    ),
    simple(
        "volume-host-file",
        "cat /f; echo x > /f; echo $?",
        ["a file of the host", "^1$"],
        [mount("v", "/f", readOnly=True)],
        [volume("v", **on_host(f"{HOST}/file", "File"))],
    ),
    simple(
        "volume-host-folder",
        "echo from the pod > /d/x; cat /d/x",
        ["from the pod"],
        [mount("v", "/d")],
        [volume("v", **on_host(f"{HOST}/folder", "Directory"))],
    ),
    simple(
        "volume-host-created", "ls -ld /d", ["^drwx"], [mount("v", "/d")], [volume("v", **on_host(f"{HOST}/created", "DirectoryOrCreate"))]
    ),
    simple(
        "volume-host-device",
        "test -c /dev/other && echo a device",
        ["a device"],
        [mount("v", "/dev/other")],
        [volume("v", **on_host("/dev/null", "CharDevice"))],
    ),
    Case(
        "volume-sub-path",
        spec(
            container(
                "cat /one/inner /two; " + IDLE, volumeMounts=[mount("v", "/one", subPath="made"), mount("v", "/two", subPath="made/inner")]
            ),
            initContainers=[container("mkdir /v/made; echo deeper > /v/made/inner", "init", volumeMounts=[mount("v", "/v")])],
            volumes=[volume("v", emptyDir={})],
        ),
        log={"main": ["deeper\ndeeper"]},
    ),
    simple(
        "volume-sub-path-by-name",
        "echo x > /v/$POD; ls /all; grep ' /v ' /proc/mounts",
        ["^volume-sub-path-by-name"],
        [mount("v", "/all"), mount("v", "/v", subPathExpr="$(POD)")],
        [volume("v", emptyDir={})],
        container_more={"env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
    ),
    simple(
        "volume-read-only",
        "touch /r/x; echo $?; touch /w/x; echo $?",
        ["^1$", "^0$"],
        [mount("v", "/r", readOnly=True), mount("v", "/w")],
        [volume("v", emptyDir={})],
    ),
    simple(
        "volume-recursively-read-only",
        "touch /r/shm/x && echo not; echo done",
        [r"Read-only.*\n(?!not)(.*\n)*done"],
        [mount("v", "/r", readOnly=True, recursiveReadOnly="Enabled")],
        [volume("v", **on_host("/dev", "Directory"))],
    ),
    Case(
        "volume-propagation",
        spec(
            container(
                "mkdir -p /p/mounted && mount -t tmpfs made /p/mounted && echo up; "
                "trap 'umount /p/mounted; exit 0' TERM; while :; do sleep 1; done",
                "maker",
                securityContext={"privileged": True},
                volumeMounts=[mount("v", "/p", mountPropagation="Bidirectional")],
            ),
            container(
                "until grep ' /p/mounted ' /proc/mounts; do sleep 1; done; " + IDLE,
                "taker",
                volumeMounts=[mount("v", "/p", mountPropagation="HostToContainer")],
            ),
            volumes=[volume("v", emptyDir={})],
            terminationGracePeriodSeconds=20,
        ),
        log={"maker": ["up"], "taker": ["^made /p/mounted"]},
    ),
    simple(
        "volume-image",
        "cat /i/data/top /j/deep; touch /i/x; echo $?",
        ["from an image\ndeeper", "^1$"],
        [mount("i", "/i"), mount("i", "/j", subPath="data/inner")],
        [volume("i", image={"reference": DATA, "pullPolicy": "IfNotPresent"})],
    ),
    simple(
        "volume-downward",
        "cat /d/labels /d/memory",
        ['colour="red"', "67108864"],
        [mount("d", "/d")],
        [volume("d", downwardAPI=DOWNWARD)],
        container_more={"resources": {"limits": {"memory": "64Mi"}}},
    ),
    simple("volume-etc-hosts", "cat /etc/hosts", [r"^192.0.2.77\s+other"], hostAliases=[{"ip": "192.0.2.77", "hostnames": ["other"]}]),
    simple(
        "volume-resolv-conf",
        "cat /etc/resolv.conf",
        ["nameserver 192.0.2.53", "search a.example", "ndots:3"],
        dnsPolicy="None",
        dnsConfig={"nameservers": ["192.0.2.53"], "searches": ["a.example"], "options": [{"name": "ndots", "value": "3"}]},
    ),
]
CASES[[case.name for case in CASES].index("volume-downward")].metadata["labels"] = {"colour": "red"}
