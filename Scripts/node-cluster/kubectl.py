"""kubectl's commands that reach through the API server and the kubelet to the runtime."""

import os
import subprocess

from cluster import NAMESPACE
from host import eventually
from pods import IDLE, container, spec

POD = "at-hand"


def prepare(cluster):
    script = (
        "dd if=/dev/zero of=/dev/shm/ballast bs=1M count=8 2>/dev/null; mkdir /w; echo through the tunnel > /w/index.html; "
        "httpd -p 8080 -h /w; echo first line; " + IDLE
    )
    reader = "while read -r line; do echo got $line; done; echo end; " + IDLE
    cluster.create(
        "pods",
        {
            "metadata": {"name": POD},
            "spec": spec(container(script), container(reader, "reader", stdin=True), container("cat", "terminal", stdin=True, tty=True)),
        },
    )
    eventually(lambda: cluster.pod(POD)["status"].get("containerStatuses", [{}])[0].get("ready"), 180, f"pod {POD}", 2)


def equal(got, wanted):
    if got != wanted:
        raise AssertionError(f"{got!r} instead of {wanted!r}")


def logs(cluster):
    equal(cluster.kubectl("logs", POD, "-c", "main"), "first line\n")
    follower = subprocess.Popen(
        [cluster.program("kubectl"), f"--kubeconfig={cluster.keys}/admin.kubeconfig", "-n", NAMESPACE, "logs", "-f", POD, "-c", "main"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        equal(follower.stdout.readline(), "first line\n")
        cluster.kubectl("exec", POD, "-c", "main", "--", "sh", "-c", "echo second line > /proc/1/fd/1")
        equal(follower.stdout.readline(), "second line\n")
    finally:
        follower.kill()
        follower.wait()


def execute(cluster):
    equal(cluster.kubectl("exec", POD, "-c", "main", "--", "echo", "a b"), "a b\n")
    equal(cluster.kubectl("exec", "-i", POD, "-c", "main", "--", "cat", input="all of it\n" * 2000), "all of it\n" * 2000)
    result = subprocess.run(
        [
            cluster.program("kubectl"),
            f"--kubeconfig={cluster.keys}/admin.kubeconfig",
            "-n",
            NAMESPACE,
            "exec",
            POD,
            "-c",
            "main",
            "--",
            "sh",
            "-c",
            "echo no >&2; exit 7",
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    equal((result.returncode, result.stderr.splitlines()[0]), (7, "no"))


def execute_on_a_terminal(cluster):
    kubectl = f"{cluster.program('kubectl')} --kubeconfig={cluster.keys}/admin.kubeconfig -n {NAMESPACE}"
    script = f"script -qec '{kubectl} exec -it {POD} -c main -- sh -c \"stty size; tty\"' /dev/null"
    text = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL).stdout
    if "/dev/pts/" not in text:
        raise AssertionError(f"no terminal: {text!r}")


def attach(cluster):
    process = subprocess.Popen(
        [
            cluster.program("kubectl"),
            f"--kubeconfig={cluster.keys}/admin.kubeconfig",
            "-n",
            NAMESPACE,
            "attach",
            "-q",
            "-i",
            POD,
            "-c",
            "reader",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        process.stdin.write("one\n")
        process.stdin.flush()
        equal(process.stdout.readline(), "got one\n")
    finally:
        process.kill()
        process.wait()


def copy(cluster):
    """Both ways through a tar in the container, 3 MB."""
    data = os.urandom(3 << 20)
    with open("/var/tmp/node-cluster-there", "wb") as file:
        file.write(data)
    cluster.kubectl("cp", "-c", "main", "/var/tmp/node-cluster-there", f"{POD}:/tmp/there", timeout=300)
    cluster.kubectl("cp", "-c", "main", f"{POD}:/tmp/there", "/var/tmp/node-cluster-back", timeout=300)
    with open("/var/tmp/node-cluster-back", "rb") as file:
        if file.read() != data:
            raise AssertionError("what came back is not what went there")


def port_forward(cluster):
    """Ten connections one after the other, with one that nobody takes in their midst."""
    process = subprocess.Popen(
        [
            cluster.program("kubectl"),
            f"--kubeconfig={cluster.keys}/admin.kubeconfig",
            "-n",
            NAMESPACE,
            "port-forward",
            POD,
            "28080:8080",
            "28081:9",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        line = process.stdout.readline()
        if "Forwarding" not in line:
            raise AssertionError(line)
        for number in range(10):
            if number == 4:
                fetch(28081)
                continue
            text = fetch(28080)
            if "through the tunnel" not in text:
                raise AssertionError(
                    f"connection {number} gave {text!r}; kubectl {'has ended' if process.poll() is not None else 'goes on'}"
                )
    finally:
        process.kill()
        process.wait()


def fetch(port):
    return subprocess.run(
        ("curl", "-s", "-m", "30", "--retry", "2", "--retry-connrefused", f"http://127.0.0.1:{port}/"), capture_output=True, text=True
    ).stdout


def debug(cluster):
    """An ephemeral container that sees its target's processes."""
    body = {"spec": {"ephemeralContainers": [{**container("ps; " + IDLE, "debugger"), "targetContainerName": "main"}]}}
    cluster.api.patch(f"/api/v1/namespaces/{NAMESPACE}/pods/{POD}/ephemeralcontainers", body)
    eventually(lambda: "httpd" in cluster.log(POD, "debugger"), 120, "the debugger sees the target's processes")


def top(cluster):
    def figures():
        lines = cluster.kubectl("top", "pod", POD, "--containers", "--no-headers").split("\n")
        return [line for line in lines if line.split()[1:2] == ["main"] and not line.split()[3].startswith("0")]

    eventually(figures, 180, "kubectl top pod has the memory of a container", 5)
    if "node" not in cluster.kubectl("top", "node", "--no-headers"):
        raise AssertionError("kubectl top node knows no node")


CHECKS = {
    "logs, and followed": logs,
    "exec: output, input, exit code": execute,
    "exec on a terminal": execute_on_a_terminal,
    "attach": attach,
    "cp there and back": copy,
    "port-forward goes on after a refused connection": port_forward,
    "ephemeral container": debug,
    "top": top,
}
