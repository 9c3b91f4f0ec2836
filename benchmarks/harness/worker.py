"""A contender in a process of its own, loaded for the whole suite, stopped between calls.

Calls and replies are pickles. ``Worker`` is the parent's side, ``main`` the child's.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 600.0
_KILL_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class ContenderError(Exception):
    """A contender or its process failed."""


class Worker:
    """A child process with an object whose methods run there.

    Args:
        kind: The object's class, which takes no arguments.
        environment: Variables of the process besides those of this one.
    """

    def __init__(self, kind: type, environment: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "benchmarks.harness.worker", kind.__module__, kind.__name__]
        variables = os.environ | dict(environment or {})
        self._process = subprocess.Popen(
            command, cwd=_ROOT, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._signal(signal.SIGSTOP)

    def call(self, method: str, /, **arguments: Any) -> Any:  # noqa: ANN401 -- whatever the method returns
        """Run a method of the object while the process is not stopped.

        Raises:
            ContenderError: The method raised an error, the process ended, or it did not reply for ten minutes.
        """
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdin.closed:
            raise ContenderError(f"the process ended with {process.returncode}")
        self._signal(signal.SIGCONT)
        try:
            pickle.dump((method, arguments), process.stdin)
            process.stdin.flush()
            if not select.select([process.stdout], [], [], _PATIENCE_S)[0]:
                self.close()
                raise ContenderError(f"no reply for {_PATIENCE_S:.0f} s")
            result, failure = pickle.load(process.stdout)  # noqa: S301 -- from this program's own process
        except (BrokenPipeError, EOFError, pickle.UnpicklingError) as error:
            raise ContenderError(f"the process ended with {process.wait()}") from error
        finally:
            self._signal(signal.SIGSTOP)
        if failure:
            raise ContenderError(failure)
        return result

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)


def main(module: str, kind: str) -> None:
    """Run methods until stdin ends; other output goes to stderr."""
    if sys.platform == "linux":  # a stopped process whose parent was killed would stay forever
        ctypes.CDLL(None).prctl(_KILL_WITH_PARENT, signal.SIGKILL)
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    target = getattr(import_module(module), kind)()
    while True:
        try:
            method, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301 -- from this program's own process
        except EOFError:
            return
        try:
            result, failure = getattr(target, method)(**arguments), ""
        except Exception as error:  # a contender may raise anything; the parent records it
            result, failure = None, f"{type(error).__name__}: {error}"
        pickle.dump((result, failure), replies)
        replies.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
