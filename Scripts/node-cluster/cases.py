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
    """Some pods at a time, since a slow node has one CPU. `static` pods are files that the kubelet reads; their names at the API server
    end in the node's."""

    def __init__(self, cluster, report, title, cases, at_once, patience, static=False):
        self.cluster, self.report, self.title, self.static = cluster, report, title, static
        self.cases = [case for case in cases if report.wants(f"{title}: {case.name}")]
        self.at_once, self.patience = at_once, patience

    def pod_name(self, case):
        return f"{case.name}-{NODE}" if self.static else case.name

    def run(self):
        if not self.cases:
            return
        ahead, begun, over = list(self.cases), {}, {}
        while ahead or begun:
            while ahead and len(begun) < self.at_once:
                case = ahead.pop(0)
                begun[case.name] = (case, time.monotonic())
                self.make(case)
            pods = self.cluster.pods()
            for case, begin in list(begun.values()):
                pod = pods.get(self.pod_name(case))
                failure = self.failure(case, pod)
                late = time.monotonic() - begin > self.patience + case.timeout
                if pod and pod["status"].get("phase") in ("Succeeded", "Failed"):
                    # Nothing more will come of it, but for the kubelet's last word.
                    late = late or time.monotonic() - over.setdefault(case.name, time.monotonic()) > 40
                if failure is None or late:
                    self.report.add(f"{self.title}: {case.name}", failure and f"{failure} {self.told(case)}")
                    self.remove(case)
                    del begun[case.name]
            time.sleep(2)
        self.wait_until_gone()

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

    def remove(self, case):
        if self.static:
            os.unlink(f"{self.cluster.static}/{case.name}.json")
        else:
            self.cluster.delete("pods", case.name)

    def wait_until_gone(self):
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
            parts.append(
                f"{each['name']}: ready {each['ready']}, restarts {each['restartCount']}, {brief(each.get('state'))}, "
                f"before {brief(each.get('lastState'))};"
            )
    return " ".join(part for part in parts if part)


def brief(state):
    for kind, value in (state or {}).items():
        return " ".join(
            str(part) for part in (kind, value.get("reason", ""), value.get("exitCode", ""), value.get("message", "")) if part != ""
        )
    return "none"
