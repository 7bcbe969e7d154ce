"""The cluster of one node: etcd, the API server, the controller manager, the scheduler and the kubelet as systemd's transient units."""

import json
import os
import re
import time

from api import Answer, Client
from host import Hopeless, Unit, eventually, run, write
from keys import kubeconfig, make_keys

NODE = "node"
# The kubelet takes no loopback address for its node: this one is on an interface that leads nowhere.
ADDRESS = "192.0.2.10"
INTERFACE = "node-cluster"
NAMESPACE = "checks"
# Not the port of a node's own etcd.
ETCD = 12379


class Cluster:
    def __init__(self, programs, home, logs, socket, service):
        self.programs, self.home, self.logs, self.socket, self.service = programs, home, logs, socket, service
        self.keys, self.static = f"{home}/keys", f"{home}/manifests"
        for folder in (self.logs, self.static, f"{home}/etcd", "/var/lib/kubelet/seccomp"):
            os.makedirs(folder, exist_ok=True)
        units = {
            name: Unit(f"node-cluster-{name}", f"{self.logs}/{name}.log")
            for name in ("etcd", "apiserver", "controller-manager", "scheduler", "kubelet")
        }
        # As a node's unit has it: it ends where systemd is away for a moment.
        units["kubelet"].properties = ("KillMode=process", "Delegate=yes", "Restart=always", "RestartSec=3", f"After={service}")
        self.units, self.kubelet_unit = units, units["kubelet"]

    def program(self, name):
        return os.path.join(self.programs, name)

    # The network and the keys

    def prepare(self):
        links = json.loads(run("ip", "-j", "link"))
        if not any(link["ifname"] == INTERFACE for link in links):
            run("ip", "link", "add", INTERFACE, "type", "dummy")
            run("ip", "address", "add", f"{ADDRESS}/24", "dev", INTERFACE)
        run("ip", "link", "set", INTERFACE, "up")
        # A path outwards is what the kubelet and some plugins look for; nothing answers behind it.
        run("ip", "route", "replace", "default", "dev", INTERFACE, "metric", "4096")
        make_keys(self.keys, NODE, ADDRESS)
        self.server = "https://127.0.0.1:6443"
        for user in ("admin", "controller-manager", "scheduler", "kubelet"):
            kubeconfig(self.keys, user, self.server)
        self.api = Client("127.0.0.1", 6443, self.keys)
        self.kubelet = Client("127.0.0.1", 10250, self.keys)

    # The control plane

    def start_control_plane(self):
        keys, units = self.keys, self.units
        units["etcd"].start(
            "/usr/bin/env",
            "ETCD_UNSUPPORTED_ARCH=arm64",
            "etcd",
            f"--data-dir={self.home}/etcd",
            "--name=node",
            "--log-level=warn",
            f"--listen-client-urls=http://127.0.0.1:{ETCD}",
            f"--advertise-client-urls=http://127.0.0.1:{ETCD}",
            f"--listen-peer-urls=http://127.0.0.1:{ETCD + 1}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{ETCD + 1}",
            f"--initial-cluster=node=http://127.0.0.1:{ETCD + 1}",
            # The disk of a test's node stalls for seconds; a cluster of one needs no quick elections.
            "--heartbeat-interval=1000",
            "--election-timeout=10000",
        )
        units["apiserver"].start(
            self.program("kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{ETCD}",
            f"--advertise-address={ADDRESS}",
            "--bind-address=0.0.0.0",
            "--secure-port=6443",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--allow-privileged=true",
            "--authorization-mode=Node,RBAC",
            f"--tls-cert-file={keys}/apiserver.crt",
            f"--tls-private-key-file={keys}/apiserver.key",
            f"--client-ca-file={keys}/ca.crt",
            f"--kubelet-client-certificate={keys}/apiserver-kubelet.crt",
            f"--kubelet-client-key={keys}/apiserver-kubelet.key",
            f"--kubelet-certificate-authority={keys}/ca.crt",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-key-file={keys}/service-accounts.pub",
            f"--service-account-signing-key-file={keys}/service-accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--enable-aggregator-routing=true",
            f"--requestheader-client-ca-file={keys}/ca.crt",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={keys}/front-proxy.crt",
            f"--proxy-client-key-file={keys}/front-proxy.key",
            "--profiling=false",
            "--v=1",
        )
        eventually(lambda: self.api.text("GET", "/readyz", timeout=20) == "ok", 300, "the API server is ready", 2)
        units["controller-manager"].start(
            self.program("kube-controller-manager"),
            f"--kubeconfig={keys}/controller-manager.kubeconfig",
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={keys}/service-accounts.key",
            f"--root-ca-file={keys}/ca.crt",
            "--bind-address=127.0.0.1",
            "--profiling=false",
            "--node-monitor-grace-period=120s",
            f"--authentication-kubeconfig={keys}/controller-manager.kubeconfig",
            f"--authorization-kubeconfig={keys}/controller-manager.kubeconfig",
        )
        units["scheduler"].start(
            self.program("kube-scheduler"),
            f"--kubeconfig={keys}/scheduler.kubeconfig",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--authentication-kubeconfig={keys}/scheduler.kubeconfig",
            f"--authorization-kubeconfig={keys}/scheduler.kubeconfig",
            "--profiling=false",
        )
        for namespace in (NAMESPACE,):
            try:
                self.api.post("/api/v1/namespaces", {"metadata": {"name": namespace}})
            except Answer as answer:
                if answer.status != 409:
                    raise
            eventually(
                lambda: self.api.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default"), 180, "the controller manager works", 2
            )

    # The kubelet

    def kubelet_configuration(self, gates):
        keys = self.keys
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            "staticPodPath": self.static,
            "fileCheckFrequency": "3s",
            "syncFrequency": "20s",
            "authentication": {"x509": {"clientCAFile": f"{keys}/ca.crt"}, "anonymous": {"enabled": False}, "webhook": {"enabled": True}},
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": f"{keys}/kubelet-serving.crt",
            "tlsPrivateKeyFile": f"{keys}/kubelet-serving.key",
            "clusterDNS": ["10.96.0.10"],
            "clusterDomain": "cluster.local",
            "failSwapOn": False,
            "serializeImagePulls": False,
            "maxPods": 200,
            "containerLogMaxSize": "64Ki",
            "containerLogMaxFiles": 3,
            "containerLogMonitorInterval": "5s",
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "5%", "imagefs.available": "5%"},
            "evictionPressureTransitionPeriod": "20s",
            "nodeStatusUpdateFrequency": "15s",
            "featureGates": gates,
        }

    def start_kubelet(self, gates=None):
        write(f"{self.home}/kubelet.json", json.dumps(self.kubelet_configuration(gates or {}), indent=1))
        self.kubelet_unit.start(
            *with_clock_speed(self.home),
            self.program("kubelet"),
            f"--config={self.home}/kubelet.json",
            f"--kubeconfig={self.keys}/kubelet.kubeconfig",
            f"--hostname-override={NODE}",
            f"--node-ip={ADDRESS}",
            "--v=2",
        )

    def restart_kubelet(self, gates=None):
        self.kubelet_unit.stop()
        self.start_kubelet(gates)
        self.wait_for_kubelet()

    def wait_for_kubelet(self, timeout=240):
        begin = time.monotonic()

        def healthy():
            if not self.kubelet_unit.active() and time.monotonic() - begin > 60:
                raise Hopeless(f"the kubelet ends again and again: {self.kubelet_unit.tail(1)[-500:]}")
            return self.kubelet.text("GET", "/healthz", timeout=10) == "ok"

        eventually(healthy, timeout, "the kubelet is healthy", 2)
        eventually(self.node_is_ready, timeout, "the node is ready", 2)

    def node_is_ready(self):
        node = self.api.get(f"/api/v1/nodes/{NODE}")
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"]["conditions"])
        return ready and not any(taint["key"].startswith("node.kubernetes.io/not-ready") for taint in node["spec"].get("taints", []))

    def stop(self):
        for name in ("kubelet", "scheduler", "controller-manager", "apiserver", "etcd"):
            self.units[name].stop()

    # Pods

    def pods(self, namespace=NAMESPACE):
        return {pod["metadata"]["name"]: pod for pod in self.api.get(f"/api/v1/namespaces/{namespace}/pods")["items"]}

    def pod(self, name):
        return self.api.get(f"/api/v1/namespaces/{NAMESPACE}/pods/{name}")

    def log(self, name, container, previous=False):
        return self.api.text(
            "GET", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/log?container={container}" + ("&previous=true" if previous else "")
        )

    def events(self, name):
        """The warnings about an object, the last ones, as lines."""
        events = self.api.get(f"/api/v1/namespaces/{NAMESPACE}/events?fieldSelector=involvedObject.name%3D{name}%2Ctype%3DWarning")["items"]
        return [f"{event['reason']}: {event['message']}" for event in events][-4:]

    def delete(self, kind, name, group="/api/v1", **options):
        self.api.delete(f"{group}/namespaces/{NAMESPACE}/{kind}/{name}", **options)

    def create(self, kind, body, group="/api/v1"):
        return self.api.post(f"{group}/namespaces/{NAMESPACE}/{kind}", body)

    def kubectl(self, *arguments, check=True, timeout=120, **options):
        return run(
            self.program("kubectl"),
            f"--kubeconfig={self.keys}/admin.kubeconfig",
            "-n",
            NAMESPACE,
            *arguments,
            check=check,
            timeout=timeout,
            **options,
        )

    # The runtime

    def runtime_handlers(self):
        """The names of the runtimes that the daemon's configuration has."""
        return sorted(set(re.findall(r"^\[crio\.runtime\.runtimes\.\"?([\w-]+)", run("swiftlet", "config"), re.M)))

    def kill_runtime(self):
        run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", self.service)

    def runtime_pid(self):
        return int(run("systemctl", "show", "-p", "MainPID", "--value", self.service).strip() or 0)


def with_clock_speed(home):
    """The kubelet ends where it finds no clock speed, and User-Mode Linux tells none: a command to run it by, with a /proc/cpuinfo of its
    own. All other mounts are shared with the node; one over the node's own /proc would keep user namespaces from having theirs."""
    with open("/proc/cpuinfo") as file:
        text = file.read()
    if "cpu MHz" in text:
        return []
    path = write(f"{home}/cpuinfo", text.replace("bogomips", "cpu MHz\t\t: 2000.000\nbogomips"))
    script = f'mount --make-private /proc && mount --bind {path} /proc/cpuinfo && exec "$@"'
    return ["/usr/bin/unshare", "--mount", "--propagation=unchanged", "/bin/sh", "-c", script, "kubelet"]
