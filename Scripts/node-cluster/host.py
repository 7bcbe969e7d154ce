"""The node from inside: commands, transient units of systemd, and waiting."""

import os
import shutil
import subprocess
import time


def run(*command, check=True, timeout=120, **options):
    """Runs a command to its end and gives what it printed; its errors are part of the exception."""
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout, **options)
    if check and result.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {result.returncode}: {(result.stderr or result.stdout).strip()[-600:]}")
    return result.stdout


class Hopeless(Exception):
    """What no waiting mends."""


def eventually(probe, timeout, what, every=1.0):
    """Calls `probe` until it returns something true, which is the result. The last error or answer explains a timeout."""
    deadline, last = time.monotonic() + timeout, None
    while True:
        try:
            result = probe()
            if result:
                return result
            last = last if result is None else result
        except Hopeless:
            raise
        except Exception as error:  # noqa: BLE001: whatever goes wrong may be right the next time
            last = error
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout:.0f} s" + (f" ({last})" if last else ""))
        time.sleep(every)


class Unit:
    """A transient service of systemd: its log is a file, it can be killed and started again as a node's services can."""

    def __init__(self, name, log, properties=()):
        self.name, self.log, self.properties, self.command = name, log, properties, None

    def start(self, *command):
        self.command = command
        run("systemctl", "reset-failed", self.name, check=False)
        options = [f"--property=StandardOutput=append:{self.log}", f"--property=StandardError=append:{self.log}"]
        options += [f"--property={each}" for each in self.properties]
        run("systemd-run", "--quiet", "--collect", f"--unit={self.name}", *options, *command)

    def stop(self):
        run("systemctl", "stop", self.name, check=False)

    def restart(self):
        self.stop()
        self.start(*self.command)

    def active(self):
        return run("systemctl", "is-active", self.name, check=False).strip() == "active"

    def tail(self, lines=15):
        with open(self.log, errors="replace") as file:
            return "".join(file.readlines()[-lines:])


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    # Written beside and renamed: the kubelet reads its folder of static pods whenever it likes.
    part = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.part")
    with open(part, "w") as file:
        file.write(text)
    os.chmod(part, mode)
    os.rename(part, path)
    return path


def need(*programs):
    missing = [each for each in programs if not shutil.which(each)]
    if missing:
        raise SystemExit(f"not on this node: {', '.join(missing)}")


def selinux():
    return os.path.exists("/sys/fs/selinux/enforce")
