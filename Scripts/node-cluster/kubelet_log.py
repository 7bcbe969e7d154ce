"""The kubelet's log: which lines blame the runtime."""

import collections
import re

# A line at error level (E…) or a warning that says so.
BLAME = re.compile(
    r"^[EWF]\d{4} .*(rpc error|runtime service failed|container runtime|from runtime service|RuntimeStatus|PLEG"
    r"|DeadlineExceeded|Unavailable"
    r"|CreatePodSandbox|KillPodSandbox|StopPodSandbox|RemovePodSandbox|RunContainerError|CreateContainerError|KillContainer"
    r"|connection error|cadvisor|imageFs|containerFs|stats"
    r"|ListContainer|PodSandboxStatus|ContainerStatus|ExecSync|image_gc|image garbage)|^panic:|^E.*Observed a panic"
)
# What the checks ask for themselves, and what no runtime can help.
EXPECTED = re.compile(
    r"CrashLoopBackOff|ErrImagePull|ImagePullBackOff|ErrImageNeverPull|no-such-handler|/no/such/program|node-cluster-no-such"
    r"|127\.0\.0\.1:5077/(absent|never)|probe-(times-out|liveness|startup|readiness|output)|PostStartHook|runAsNonRoot|root-refused"
    r"|image-absent|command-not-found|runtime-class-unknown|hook-post-start-fails|apparmor-unknown"
    # A probe that the kubelet gives up itself as it ends the container, one that is late for it, and those that take too long on purpose.
    r"|ExecSync.* code = Canceled desc = context canceled|is exited, not running|sleep 600"
    # The kubelet asks for containers that it has just removed itself; cAdvisor has no figures of what is too young; a probe finds no
    # server yet.
    r"|NotFound desc = there is no (container|pod) with id|RecentStats: unable to find data|addrConn\.createTransport"
    # At its start it knows neither its node nor its pods.
    r"|failed to get node info|pleg has yet to be successful|no imagefs label"
)


class KubeletLog:
    def __init__(self, path):
        self.path, self.allowed = path, []

    def position(self):
        with open(self.path, "rb") as file:
            return file.seek(0, 2)

    def allow(self, begin, end, expression):
        """Between two positions, as while the daemon is killed, such lines are what must come."""
        self.allowed.append((begin, end, re.compile(expression)))

    def blame(self):
        """Kinds of lines that blame the runtime: how many, and one of each."""
        kinds, examples, offset = collections.Counter(), {}, 0
        with open(self.path, "rb") as file:
            for raw in file:
                line, offset = raw.decode(errors="replace").rstrip(), offset + len(raw)
                if not BLAME.search(line) or EXPECTED.search(line):
                    continue
                if any(begin <= offset <= end and expression.search(line) for begin, end, expression in self.allowed):
                    continue
                source = re.search(r"\s(\w+\.go:\d+)\]", line)
                kind = source.group(1) if source else line[:40]
                kinds[kind] += 1
                examples.setdefault(kind, line[:700])
        return [(count, examples[kind]) for kind, count in kinds.most_common()]
