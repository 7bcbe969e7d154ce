"""The API metrics.k8s.io, served from the kubelet's /metrics/resource: what a metrics server would tell `kubectl top`."""

import datetime
import http.server
import json
import ssl
import threading
import time

from cluster import ADDRESS, NODE
from figures import series

PORT = 4443
GROUP = "metrics.k8s.io/v1beta1"


def start(cluster):
    before = {}

    def rates(name, key):
        """CPU by key since the last time that was asked, in nanocores."""
        now, text = time.monotonic(), cluster.kubelet.text("GET", "/metrics/resource")
        result = {}
        for each in series(text, name):
            identity = tuple(each.get(label, "") for label in key)
            then, used = before.get((name, identity), (now - 1e9, each[""]))
            result[identity] = int((each[""] - used) / (now - then) * 1e9)
            before[name, identity] = (now, each[""])
        return result, text

    def metadata(name, namespace=None):
        return {
            "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
            "window": "15s",
            "timestamp": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def pods():
        cpu, text = rates("container_cpu_usage_seconds_total", ("namespace", "pod", "container"))
        found = {}
        for each in series(text, "container_memory_working_set_bytes"):
            identity = each["namespace"], each["pod"], each["container"]
            found.setdefault(identity[:2], []).append(
                {"name": identity[2], "usage": {"cpu": f"{cpu.get(identity, 0)}n", "memory": f"{int(each['']) // 1024}Ki"}}
            )
        return [{**metadata(name, namespace), "containers": containers} for (namespace, name), containers in found.items()]

    def nodes():
        cpu, text = rates("node_cpu_usage_seconds_total", ())
        memory = [int(float(line.split()[1])) for line in text.splitlines() if line.startswith("node_memory_working_set_bytes ")]
        return [{**metadata(NODE), "usage": {"cpu": f"{cpu.get((), 0)}n", "memory": f"{memory[0] // 1024 if memory else 0}Ki"}}]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802: the name is the library's
            parts = self.path.split("?")[0].strip("/").split("/")[3:]
            resource = [
                {"name": name, "singularName": "", "namespaced": name == "pods", "kind": kind, "verbs": ["get", "list"]}
                for name, kind in (("nodes", "NodeMetrics"), ("pods", "PodMetrics"))
            ]
            if not parts:
                answer = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP, "resources": resource}
            elif parts[0] == "nodes":
                answer = self.chosen("NodeMetrics", nodes(), parts[1:])
            else:
                namespace = parts[1] if parts[0] == "namespaces" else None
                answer = self.chosen(
                    "PodMetrics", [each for each in pods() if namespace in (None, each["metadata"]["namespace"])], parts[3:]
                )
            body = json.dumps(
                answer or {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "reason": "NotFound"}
            ).encode()
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def chosen(self, kind, items, name):
            if not name:
                return {"kind": f"{kind}List", "apiVersion": GROUP, "metadata": {}, "items": items}
            return next(({"kind": kind, "apiVersion": GROUP, **each} for each in items if each["metadata"]["name"] == name[0]), None)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer((ADDRESS, PORT), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{cluster.keys}/metrics.crt", f"{cluster.keys}/metrics.key")
    # Only the API server has a certificate of this authority.
    context.load_verify_locations(f"{cluster.keys}/ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    register(cluster)


def register(cluster):
    from workloads import again

    system = "/api/v1/namespaces/kube-system"
    again(cluster.api.post, f"{system}/services", {"metadata": {"name": "metrics"}, "spec": {"ports": [{"port": 443, "targetPort": PORT}]}})
    again(
        cluster.api.post,
        f"{system}/endpoints",
        {"metadata": {"name": "metrics"}, "subsets": [{"addresses": [{"ip": ADDRESS}], "ports": [{"port": PORT}]}]},
    )
    again(
        cluster.api.post,
        "/apis/apiregistration.k8s.io/v1/apiservices",
        {
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "service": {"namespace": "kube-system", "name": "metrics"},
                "insecureSkipTLSVerify": True,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
            },
        },
    )
