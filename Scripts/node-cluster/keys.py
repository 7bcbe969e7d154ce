"""The cluster's certificates, made by openssl: one authority, elliptic curves since a slow node makes them fast."""

import os

from host import run, write

ORGANIZATIONS = {
    # file: (common name, organization, alternative names)
    "admin": ("admin", "system:masters", ""),
    "apiserver": ("kube-apiserver", "", "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:{address},IP:10.96.0.1"),
    "apiserver-kubelet": ("kube-apiserver-kubelet-client", "system:masters", ""),
    "front-proxy": ("front-proxy-client", "", ""),
    "controller-manager": ("system:kube-controller-manager", "", ""),
    "scheduler": ("system:kube-scheduler", "", ""),
    "kubelet": ("system:node:{node}", "system:nodes", ""),
    "kubelet-serving": ("system:node:{node}", "system:nodes", "DNS:{node},DNS:localhost,IP:127.0.0.1,IP:{address}"),
    "metrics": ("metrics", "", "DNS:localhost,DNS:metrics.kube-system.svc,IP:{address}"),
}


def make_keys(folder, node, address):
    if os.path.exists(f"{folder}/done"):
        return
    os.makedirs(folder, exist_ok=True)
    curve = ("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out")
    run("openssl", *curve, f"{folder}/ca.key")
    run(
        "openssl",
        "req",
        "-x509",
        "-new",
        "-key",
        f"{folder}/ca.key",
        "-days",
        "3650",
        "-subj",
        "/CN=node-cluster",
        "-out",
        f"{folder}/ca.crt",
    )
    run("openssl", *curve, f"{folder}/service-accounts.key")
    run("openssl", "ec", "-in", f"{folder}/service-accounts.key", "-pubout", "-out", f"{folder}/service-accounts.pub")
    for name, (common, organization, alternatives) in ORGANIZATIONS.items():
        subject = (f"/O={organization}" if organization else "") + "/CN=" + common.format(node=node)
        extension = "extendedKeyUsage=serverAuth,clientAuth\n"
        if alternatives:
            extension += "subjectAltName=" + alternatives.format(node=node, address=address) + "\n"
        write(f"{folder}/{name}.extensions", extension)
        run("openssl", *curve, f"{folder}/{name}.key")
        run("openssl", "req", "-new", "-key", f"{folder}/{name}.key", "-subj", subject, "-out", f"{folder}/{name}.csr")
        run(
            "openssl",
            "x509",
            "-req",
            "-in",
            f"{folder}/{name}.csr",
            "-CA",
            f"{folder}/ca.crt",
            "-CAkey",
            f"{folder}/ca.key",
            "-CAcreateserial",
            "-days",
            "3650",
            "-extfile",
            f"{folder}/{name}.extensions",
            "-out",
            f"{folder}/{name}.crt",
        )
    write(f"{folder}/done", "")


def kubeconfig(folder, name, server):
    return write(
        f"{folder}/{name}.kubeconfig",
        f"""\
apiVersion: v1
kind: Config
clusters: [{{name: node, cluster: {{server: {server}, certificate-authority: {folder}/ca.crt}}}}]
users: [{{name: {name}, user: {{client-certificate: {folder}/{name}.crt, client-key: {folder}/{name}.key}}}}]
contexts: [{{name: node, context: {{cluster: node, user: {name}}}}}]
current-context: node
""",
        0o600,
    )
