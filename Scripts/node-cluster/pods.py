"""Descriptions of pods, and what is expected of them. A case is data: a pod's spec, and the part of its status that must come true."""

import dataclasses
import re
import typing

from cluster import NAMESPACE
from images import BUSYBOX

# Ends at once when asked to: a shell as the first process has no handler for SIGTERM of its own.
IDLE = "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done"


def container(script=IDLE, name="main", image=BUSYBOX, **more):
    """A container that runs a shell script, or what its image says when the script is None."""
    command = {} if script is None else {"command": ["/bin/sh", "-c", script]}
    return {"name": name, "image": image, **command, **more}


def spec(*containers, **more):
    return {
        "terminationGracePeriodSeconds": 3,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "containers": list(containers) or [container()],
        **more,
    }


def resources(cpu=None, memory=None, limits=True, **more):
    asked = {key: value for key, value in {"cpu": cpu, "memory": memory, **more}.items() if value}
    return {"requests": asked, **({"limits": asked} if limits else {})}


def state(name="main", **wanted):
    """The status of one container: `ready`, `restartCount`, `state`, `lastState`…"""
    return {"name": name, **wanted}


def ended(code=0, reason=None, **more):
    return {"terminated": {"exitCode": code, **({"reason": reason} if reason else {}), **more}}


def at_least(least):
    return lambda value: value >= least


def running(**wanted):
    return {"phase": "Running", "containerStatuses": [state(**wanted)]}


def over(phase, *containers, **more):
    return {"phase": phase, "containerStatuses": list(containers), **more}


@dataclasses.dataclass
class Case:
    name: str
    spec: dict
    # The part of the pod's status that must come true. Without one: running, all containers ready and none ever restarted.
    status: typing.Optional[dict] = None
    # What a container's log must contain: expressions by its name.
    log: dict = dataclasses.field(default_factory=dict)
    # More to look at when all else is true: gets the cluster and the pod, and raises.
    look: typing.Optional[typing.Callable] = None
    metadata: dict = dataclasses.field(default_factory=dict)
    # A warning among the pod's events that must come.
    event: typing.Optional[str] = None
    timeout: float = 0
    # What must be true once the pod is gone.
    after: typing.Optional[typing.Callable] = None

    def manifest(self):
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "namespace": NAMESPACE, **self.metadata},
            "spec": self.spec,
        }

    def wanted(self):
        if self.status is not None:
            return self.status
        return {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [state(each["name"], ready=True, restartCount=0) for each in self.spec["containers"]],
        }


def matches(want, got):
    """Whether `got` has all that `want` names: maps by key, lists by any element, `~` texts by expression, functions by their answer."""
    if callable(want):
        return got is not None and bool(want(got))
    if isinstance(want, dict):
        return isinstance(got, dict) and all(matches(value, got.get(key)) for key, value in want.items())
    if isinstance(want, list):
        return isinstance(got, list) and all(any(matches(each, element) for element in got) for each in want)
    if isinstance(want, str) and want.startswith("~"):
        return isinstance(got, str) and re.search(want[1:], got, re.M | re.S) is not None
    return want == got
