"""Finds the examples of a README, runs them, and says where what they give is not what stands there.

Examples are ``python`` blocks with ``>>>``, which are run as doctests, those of one README in one namespace, and the
commands behind ``$ `` in ``console`` blocks, which are run in one folder; both streams of
their output follow them. A command that ends in ``&`` is a server, which all the other examples may ask.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^```(?P<language>\w+)[^\n]*\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (?P<command>(?:[^\n]*\\\n)*[^\n]*)\n?(?P<output>(?:(?!\$ )[^\n]*\n?)*)", re.MULTILINE)
# A score and the bar behind it.
SCORE = re.compile(r"(\d+\.\d+)% +[█▏▎▍▌▋▊▉]* *")
TARGET = re.compile(r"^([\w-]+):", re.MULTILINE)
# What takes minutes, changes the machine or needs a network.
SKIPPED = ("cd", "docker", "git", "make", "pip", "fillmask export")
# `make run` installs the package, which is here, and then runs the program.
# Where a README's server listens; in tests it takes a free port.
PORT = 8080
STANDS_FOR = {"make run": "fillmask predict 'Paris is the [MASK] of France.'"}


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what is in it, and how many lines stand before that."""

    language: str
    body: str
    line: int


@dataclass(frozen=True)
class Command:
    """A command of a console block, what must come of it, and its line."""

    text: str
    output: str
    line: int

    @property
    def skipped(self) -> bool:
        return self.text not in STANDS_FOR and any(
            self.text == name or self.text.startswith(f"{name} ") for name in SKIPPED
        )

    @property
    def background(self) -> bool:
        return self.text.endswith("&")


def blocks(readme: str, language: str) -> list[Block]:
    """The fenced blocks of a language, from top to bottom."""
    found = BLOCK.finditer(readme)
    return [
        Block(match["language"], match["body"], readme.count("\n", 0, match.start("body")))
        for match in found
        if match["language"] == language
    ]


def commands(readme: str) -> Iterator[Command]:
    """The commands of all console blocks, from top to bottom."""
    for block in blocks(readme, "console"):
        for match in COMMAND.finditer(block.body):
            line = block.line + 1 + block.body.count("\n", 0, match.start())
            yield Command(match["command"].replace("\\\n", " "), match["output"], line)


def count(readme: str) -> int:
    """How many examples are run."""
    statements = sum(block.body.count(">>> ") for block in blocks(readme, "python"))
    return statements + sum(not command.skipped and not command.background for command in commands(readme))


@contextmanager
def served(readme: str) -> Iterator[str]:
    """Run the servers of a README, and give the README with the port at which they listen."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with ExitStack() as ending:
        for command in commands(readme):
            if command.background:
                process = subprocess.Popen(
                    ["bash", "-c", f"exec {command.text[:-1]}"],
                    env=_environment() | {"FILLMASK_PORT": str(port)},
                    stderr=subprocess.DEVNULL,
                )
                ending.callback(process.wait)
                ending.callback(process.kill)
                _wait_for(port, process)
        yield readme.replace(f":{PORT}", f":{port}")


def check_python(readme: str) -> list[str]:
    """Run the python blocks with ``>>>``, in the current folder."""
    reports: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    namespace: dict[str, object] = {}
    for block in blocks(readme, "python"):
        test = doctest.DocTestParser().get_doctest(block.body, namespace, "README", "README.md", block.line)
        runner.run(test, out=reports.append, clear_globs=False)
        namespace = test.globs
    return reports


def check_commands(readme: str, folder: Path) -> list[str]:
    """Run the commands in a folder, with this Python's programs first."""
    options = {"cwd": folder, "env": _environment(), "stdin": subprocess.DEVNULL, "timeout": 120}
    reports = []
    for command in commands(readme):
        if not command.skipped and not command.background:
            shell = ["bash", "-c", STANDS_FOR.get(command.text, command.text)]
            done = subprocess.run(
                shell, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options
            )
            if not matches(command.output, done.stdout):
                reports.append(f"line {command.line}: $ {command.text}\nExpected:\n{command.output}Got:\n{done.stdout}")
    return reports


def matches(expected: str, got: str) -> bool:
    """Whether an output is the one expected, line by line; ``...`` stands for anything inside its line.

    Scores in percent may differ by a point, and so may their bars, since int8 differs in the third digit between CPUs.
    """
    lines = [re.escape(SCORE.sub("%", line)).replace(r"\.\.\.", ".*") for line in _lines(expected)]
    if not re.fullmatch("\n".join(lines), "\n".join(SCORE.sub("%", line) for line in _lines(got))):
        return False
    scores = [[float(match[1]) for match in SCORE.finditer(text)] for text in (expected, got)]
    return all(abs(one - other) <= 1 for one, other in zip(*scores, strict=True))


def unknown_targets(readme: str, makefile: str) -> list[str]:
    """Targets of ``make`` in any console block that a Makefile does not have."""
    made = [shlex.split(command.text) for command in commands(readme)]
    named = [word for words in made if words[0] == "make" for word in words[1:] if "=" not in word]
    return sorted(set(named) - set(TARGET.findall(makefile)))


def _environment() -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return os.environ | {"PATH": path, "COLUMNS": "80", "PYTHONUTF8": "1"}


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"a README's server does not listen on {port}")


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]
