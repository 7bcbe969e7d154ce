"""A client of the API server and of the kubelet: JSON over TLS, a connection a request."""

import http.client
import json
import ssl


class Answer(Exception):
    """An answer that is no success."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text.strip()[:600]}")
        self.status = status


class Client:
    def __init__(self, host, port, keys, user="admin"):
        self.host, self.port = host, port
        self.context = ssl.create_default_context(cafile=f"{keys}/ca.crt")
        self.context.load_cert_chain(f"{keys}/{user}.crt", f"{keys}/{user}.key")

    def text(self, method, path, body=None, kind="application/json", timeout=60):
        connection = http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=timeout)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": kind} if body is not None else {})
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        finally:
            connection.close()
        if response.status >= 300:
            raise Answer(response.status, text)
        return text

    def get(self, path, **options):
        return json.loads(self.text("GET", path, **options))

    def post(self, path, body):
        return json.loads(self.text("POST", path, body))

    def patch(self, path, body, kind="application/strategic-merge-patch+json"):
        return json.loads(self.text("PATCH", path, body, kind))

    def delete(self, path, **options):
        try:
            return self.text("DELETE", path, options or None)
        except Answer as answer:
            if answer.status != 404:
                raise
