"""Pods' SELinux labels, on a node that was booted with SELinux (Scripts/node/run --selinux): of processes, root file systems, volumes."""

import os

from pods import IDLE, Case, container, spec
from volumes import mount, volume

ATTRIBUTE = "security.selinux"
# The process's label, and the one that the root file system is mounted with: both of one level.
SHOW = "tr -d '\\0' </proc/self/attr/current; echo; grep ' / ' /proc/mounts; " + IDLE


def labelled(process, file, level):
    """The label of the process, and files' of the same level."""
    return [rf"^system_u:system_r:{process}:({level})\n(.*\n)*.*context=\"?system_u:object_r:{file}:\1\"?[, ]"]


def label(path):
    return os.getxattr(path, ATTRIBUTE, follow_symlinks=False).decode().rstrip("\0")


def volume_labelled(cluster, pod):
    """A volume and what is in it have the label of the files of the pod's processes."""
    process = cluster.log(pod["metadata"]["name"], "main").splitlines()[0]
    wanted = "system_u:object_r:container_file_t:" + process.split(":", 3)[3]
    # A static pod's directory has the name of its file's hash.
    uid = pod["metadata"].get("annotations", {}).get("kubernetes.io/config.hash", pod["metadata"]["uid"])
    folder = f"/var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~empty-dir/v"
    for path in (folder, f"{folder}/written"):
        if label(path) != wanted:
            raise AssertionError(f"the label of {path} is {label(path)}, not {wanted}")


def not_of_a_container(cluster, pod):
    text = cluster.log(pod["metadata"]["name"], "main")
    if "container_t" in text.splitlines()[0]:
        raise AssertionError(f"its process is {text.splitlines()[0]}")


def two_levels(cluster, pod):
    """Each pod has categories of its own, and all containers of one pod the same."""
    one, two = (cluster.log(pod["metadata"]["name"], name).splitlines()[0] for name in ("main", "other"))
    if one != two:
        raise AssertionError(f"two containers of a pod are {one} and {two}")
    pods = [name for name in cluster.pods() if name.startswith(("labels-own", "labels-two"))]
    levels = {name: cluster.log(name, "main").splitlines()[0] for name in pods}
    if len(set(levels.values())) != len(levels):
        raise AssertionError(f"pods share their categories: {levels}")


OWN = labelled("container_t", "container_file_t", r"s0:c\d+,c\d+")

CASES = [
    Case("labels-own", spec(container(SHOW)), log={"main": OWN}),
    Case("labels-two", spec(container(SHOW), container(SHOW, "other")), log={"main": OWN, "other": OWN}, look=two_levels),
    Case(
        "labels-chosen",
        spec(container(SHOW), securityContext={"seLinuxOptions": {"type": "svirt_t", "level": "s0:c5,c7"}}),
        log={"main": labelled("svirt_t", "container_file_t", "s0:c5,c7")},
    ),
    Case(
        "labels-volume",
        spec(
            container(f"touch /v/written; {SHOW}", volumeMounts=[mount("v", "/v")]),
            volumes=[volume("v", emptyDir={})],
        ),
        log={"main": OWN},
        look=volume_labelled,
    ),
    Case("labels-privileged", spec(container(SHOW, securityContext={"privileged": True})), look=not_of_a_container),
    Case("labels-host-network", spec(container(SHOW), hostNetwork=True), look=not_of_a_container),
]
