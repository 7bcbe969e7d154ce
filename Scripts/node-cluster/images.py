"""The images of the checks: a registry on the loopback, filled with what Debian's packages give."""

import os
import shutil
import subprocess

from host import Unit, eventually, run, selinux, write

PORT = 5077
REGISTRY = f"127.0.0.1:{PORT}"
BUSYBOX = f"{REGISTRY}/busybox:1"
# Serves gRPC's health protocol, which a probe asks for.
ETCD = f"{REGISTRY}/etcd:1"
# Two layers and a user; its content is a volume's too.
DATA = f"{REGISTRY}/data:1"

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def start_registry(home, logs):
    configuration = write(
        f"{home}/registry.yml",
        f"""\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {home}/registry}}, delete: {{enabled: true}}}}
http: {{addr: "{REGISTRY}"}}
""",
    )
    unit = Unit("node-cluster-registry", f"{logs}/registry.log")
    unit.start("docker-registry", "serve", configuration)
    eventually(lambda: run("curl", "-sf", f"http://{REGISTRY}/v2/"), 60, "the registry serves", 0.3)
    # The daemon takes plain HTTP from registries that are named, and has metrics of pods where they are chosen.
    write("/etc/containers/registries.conf.d/node-cluster.conf", f'[[registry]]\nlocation = "{REGISTRY}"\ninsecure = true\n')
    settings = '[crio.stats]\nincluded_pod_metrics = ["all"]\n'
    if selinux():
        settings += "[crio.runtime]\nselinux = true\n"
    write("/etc/swiftlet/swiftlet.conf.d/node-cluster.conf", settings)
    return unit


def push_images(home):
    push = f"{SCRIPTS}/push-image"
    busybox, etcd, data = f"{home}/images/busybox", f"{home}/images/etcd", f"{home}/images/data"
    shutil.rmtree(f"{home}/images", ignore_errors=True)
    run(f"{SCRIPTS}/busybox-root", busybox)
    path = '"Env":["PATH=/bin:/usr/bin"]'
    run(push, BUSYBOX, "-c", f'{{{path},"Cmd":["sh"]}}', busybox)
    for file in ["/usr/bin/etcd", *libraries("/usr/bin/etcd")]:
        os.makedirs(os.path.dirname(etcd + file), exist_ok=True)
        shutil.copy(os.path.realpath(file), etcd + file)
    run(push, ETCD, "-c", f'{{{path},"Cmd":["etcd"]}}', etcd)
    for name, text in (("top", "from an image\n"), ("inner/deep", "deeper\n")):
        write(f"{data}/data/{name}", text)
    run(
        push,
        DATA,
        "-c",
        f'{{{path},"Cmd":["sh","-c","id -u; pwd; cat data/top; sleep 100000"],"User":"1234:2345","WorkingDir":"/"}}',
        busybox,
        data,
    )


def libraries(program):
    words = subprocess.run(("ldd", program), capture_output=True, text=True).stdout.split()
    return [word for word in words if word.startswith("/")]
