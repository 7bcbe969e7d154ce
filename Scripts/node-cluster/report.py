"""The table: a row a check, passed or failed with the reason."""

import sys
import time
import traceback


class Report:
    def __init__(self, only=None):
        self.rows, self.only, self.begin = [], only, time.monotonic()

    def wants(self, name):
        return self.only is None or bool(self.only.search(name))

    def add(self, name, failure=None):
        """Enters a row; `failure` is the reason, or None when the check passed."""
        reason = " ".join(str(failure).split()) if failure else ""
        self.rows.append((name, reason))
        print(
            f"[{time.monotonic() - self.begin:6.0f} s] {'FAILED' if failure else 'passed'}  {name}{': ' + reason[:900] if failure else ''}"
        )
        sys.stdout.flush()

    def check(self, name, function, *arguments):
        """Runs one check. It passes when it returns nothing or a true value, and fails by an exception or by False."""
        if not self.wants(name):
            return None
        try:
            result = function(*arguments)
            self.add(name, "it is not so" if result is False else None)
            return result
        except Exception as error:  # noqa: BLE001: one check's failure is a row, and the others go on
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.add(
                name,
                (
                    f"{error or type(error).__name__}"
                    if not isinstance(error, (KeyError, IndexError, TypeError, AttributeError))
                    else f"{type(error).__name__} {error} at {where.name}:{where.lineno}"
                ),
            )
            return None

    def note(self, text):
        print(f"[{time.monotonic() - self.begin:6.0f} s] {text}")
        sys.stdout.flush()

    def failed(self):
        return [name for name, reason in self.rows if reason]

    def table(self):
        width = max((len(name) for name, _ in self.rows), default=0)
        for name, reason in self.rows:
            print(f"{name:{width}}  {'FAILED  ' + reason[:300] if reason else 'passed'}")
        print(
            f"{len(self.rows)} checks, {len(self.rows) - len(self.failed())} passed, {len(self.failed())} failed, "
            f"{time.monotonic() - self.begin:.0f} s"
        )
