"""Runs cases: makes all pods of a list at once, waits for what each expects, and removes them."""
import json
import os
import re
import time

from api import Answer
from cluster import NODE
from host import write
from pods import matches


class Cases:
    """`static` pods are files that the kubelet reads; their names at the API server end in the node's."""

    def __init__(self, cluster, report, title, cases, seconds_each, static=False):
        self.cluster, self.report, self.title, self.static = cluster, report, title, static
        self.cases = [case for case in cases if report.wants(f"{title}: {case.name}")]
        # One slow CPU starts them all: every case has the time of all.
        self.patience = 120 + seconds_each * len(self.cases)

    def pod_name(self, case):
        return f"{case.name}-{NODE}" if self.static else case.name

    def run(self):
        if not self.cases:
            return
        begin = time.monotonic()
        for case in self.cases:
            self.make(case)
        waiting = list(self.cases)
        while waiting:
            pods = self.cluster.pods()
            for case in list(waiting):
                failure = self.failure(case, pods.get(self.pod_name(case)))
                late = time.monotonic() - begin > self.patience + case.timeout
                if failure is None or late:
                    waiting.remove(case)
                    self.report.add(f"{self.title}: {case.name}", failure and f"{failure} {self.told(case)}")
            time.sleep(2)
        self.remove()

    def make(self, case):
        if self.static:
            write(f"{self.cluster.static}/{case.name}.json", json.dumps(case.manifest()))
        else:
            try:
                self.cluster.create("pods", case.manifest())
            except Answer as answer:
                self.report.note(f"{case.name}: {answer}")

    def failure(self, case, pod):
        """Why the case is not true yet; None when it is."""
        if pod is None:
            return "there is no such pod"
        status = pod["status"]
        if not matches(case.wanted(), status):
            return summary(status)
        name = self.pod_name(case)
        try:
            for each, expressions in case.log.items():
                text = self.cluster.log(name, each)
                for expression in expressions:
                    if not re.search(expression, text, re.M):
                        return f"the log of {each} has no {expression!r}: {text[-400:]!r}"
            if case.event and not any(re.search(case.event, line) for line in self.cluster.events(name)):
                return f"no event says {case.event!r}"
            if case.look:
                case.look(self.cluster, pod)
        except Exception as error:  # noqa: BLE001: tried again until the time is over
            return f"{type(error).__name__}: {error}"
        return None

    def told(self, case):
        try:
            return " | ".join(self.cluster.events(self.pod_name(case)))
        except Exception:  # noqa: BLE001: the reason that is known already is printed anyway
            return ""

    def remove(self):
        for case in self.cases:
            if self.static:
                os.unlink(f"{self.cluster.static}/{case.name}.json")
            else:
                self.cluster.delete("pods", case.name)
        names = {self.pod_name(case) for case in self.cases}
        begin = time.monotonic()
        while left := names & set(self.cluster.pods()):
            if time.monotonic() - begin > self.patience:
                break
            time.sleep(2)
        self.report.add(f"{self.title}: all pods go when they are deleted", f"still there: {sorted(left)}" if left else None)
        for case in self.cases:
            if case.after:
                self.report.check(f"{self.title}: {case.name}, when it is gone", case.after)


def summary(status):
    """The states of a pod in a line."""
    parts = [status.get("phase", "?"), status.get("reason", ""), status.get("message", "")]
    for kind in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for each in status.get(kind, []):
            parts.append(f"{each['name']}: ready {each['ready']}, restarts {each['restartCount']}, {brief(each.get('state'))}, "
                         f"before {brief(each.get('lastState'))};")
    return " ".join(part for part in parts if part)


def brief(state):
    for kind, value in (state or {}).items():
        return " ".join(str(part) for part in (kind, value.get("reason", ""), value.get("exitCode", ""), value.get("message", "")) if part != "")
    return "none"
