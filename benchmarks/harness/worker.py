"""A contender in a process of its own, loaded for the whole suite, stopped between calls.

Commands and replies are one line of JSON each. ``Worker`` is the parent's side, ``main`` the child's.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 600.0
_KILL_WITH_PARENT = 1  # PR_SET_PDEATHSIG
Handlers = dict[str, Callable[..., Any]]


class ContenderError(Exception):
    """A contender or its process failed."""


class Worker:
    """A child process that runs commands.

    Args:
        handlers: ``"module:function"``; the function returns the handlers by command.
        environment: Variables of the process besides those of this one.
    """

    def __init__(self, handlers: str, environment: Mapping[str, str] | None = None) -> None:
        command, variables = [sys.executable, "-m", "benchmarks.harness.worker", handlers], dict(environment or {})
        self._process = subprocess.Popen(command, cwd=_ROOT, env=os.environ | variables, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)  # fmt: skip
        self._signal(signal.SIGSTOP)

    def call(self, command: str, **arguments: Any) -> Any:  # noqa: ANN401 -- JSON
        """Run a command while the process is not stopped.

        Raises:
            ContenderError: The command raised an error, the process ended, or it did not reply for ten minutes.
        """
        process, line = self._process, ""
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdin.closed:
            raise ContenderError(f"the process ended with {process.returncode}")
        self._signal(signal.SIGCONT)
        try:
            print(json.dumps([command, arguments]), file=process.stdin, flush=True)
            if not select.select([process.stdout], [], [], _PATIENCE_S)[0]:
                self.close()
                raise ContenderError(f"no reply for {_PATIENCE_S:.0f} s")
            line = process.stdout.readline()
        except BrokenPipeError:
            pass  # as if it gave no line
        finally:
            self._signal(signal.SIGSTOP)
        if not line:
            raise ContenderError(f"the process ended with {process.wait()}")
        reply = json.loads(line)
        if "error" in reply:
            raise ContenderError(reply["error"])
        return reply["result"]

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


def main(handlers: str) -> None:
    """Execute commands from stdin until it ends; other output goes to stderr."""
    if sys.platform == "linux":  # a stopped process whose parent was killed would stay forever
        ctypes.CDLL(None).prctl(_KILL_WITH_PARENT, signal.SIGKILL)
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    module, _, name = handlers.partition(":")
    known: Handlers = getattr(import_module(module), name)()
    for line in sys.stdin:
        command, arguments = json.loads(line)
        try:
            reply = {"result": known[command](**arguments)}
        except Exception as error:  # a contender may raise anything; the parent records it
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
