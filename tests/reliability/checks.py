"""Rows that count the checks of a part of the test suite, and those that failed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from xml.etree import ElementTree

from fillmask.artifact.folder import EMBEDDED
from tests.reliability.row import Row, Scale

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
REQUIRED_AT_MOST = 6
INSTALLED_MB = 30


@dataclass(frozen=True)
class Checks:
    """The outcome of a part of the test suite.

    Attributes:
        ran: Tests that ran.
        failed: Failures and errors among them.
        skipped: Tests that did not run.
        lacking: Files and words that selected no test that ran.
        least: As many tests must have run.
    """

    ran: int
    failed: int
    skipped: int
    lacking: tuple[str, ...] = ()
    least: int = 1

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        lacking = f", no test of {', '.join(self.lacking)} ran" if self.lacking else ""
        fewer = f", fewer than {self.least}" if self.ran < self.least else ""
        return f"{self.failed} of {self.ran} checks failed{skipped}{lacking}{fewer}"

    @property
    def passed(self) -> bool:
        return self.ran >= self.least and not self.failed and not self.lacking


def run_checks(*files: Path, words: Sequence[str] = (), marker: str = "", least: int = 1) -> Checks:
    """Run tests.

    A test that moves to another file, or gets another name, would leave its row unseen. So each file and each word must
    select a test that runs.

    Args:
        files: Of the tests.
        words: Only tests with one of these in their names, in lower case.
        marker: Only tests with this mark.
        least: Fewer tests than this do not pass.
    """
    suite = _report(*map(str, files), "-k", " or ".join(words), "-m", marker)
    failures, errors, skipped = (int(suite.attrib[name]) for name in ("failures", "errors", "skipped"))
    ran = [case for case in suite.iter("testcase") if case.find("skipped") is None]
    paths = [(ROOT / case.get("file", "")).resolve() for case in ran]
    names = "\n".join(f"{path.name} {case.get('name')}" for path, case in zip(paths, ran, strict=True)).lower()
    lacking = [path.name for path in files if path.resolve() not in paths]
    lacking += [word for word in words if word not in names]
    return Checks(len(ran), failures + errors, skipped, tuple(lacking), least)


def _report(*arguments: str) -> ElementTree.Element:
    """The report of pytest; in the family xunit1 it names the file of each test."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ["-q", "-p", "no:cacheprovider", f"--rootdir={ROOT}", "-o", "junit_family=xunit1"]
        command = [sys.executable, "-m", "pytest", *options, f"--junitxml={report}", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=1200)
        if not report.exists():
            raise RuntimeError(f"pytest {' '.join(arguments)} made no report: {done.stdout[-500:]}{done.stderr[-500:]}")
        (suite,) = ElementTree.parse(report).getroot().iter("testsuite")
    return suite


def properties(scale: Scale) -> list[Row]:
    """Row 12: properties of every text, every row of logits and every set of targets."""
    files = [path for path in sorted((TESTS / "unit").rglob("test_*.py")) if "PROPERTY" in path.read_text()]
    found = run_checks(*files[: max(1, int(len(files) * scale.share))], marker="hypothesis")
    return [Row("predictions", "properties, of 500 generated examples each", "0 failures", str(found), found.passed)]


def forks(_: Scale) -> list[Row]:
    """Row 20: a fork gets a ForkError, and spawned workers predict."""
    names = ("test_pipeline_forks.py", "test_model.py", "test_task_stream.py", "test_pipeline_object.py")
    found = run_checks(*(TESTS / "unit" / name for name in names), words=("fork", "spawn", "pickle"), least=12)
    return [Row("machine", "forked children, and workers that are spawned", "a ForkError ≤ 1 s; the same predictions",
                str(found), found.passed)]  # fmt: skip


def limits(_: Scale) -> list[Row]:
    """Row 18: each limit, one below, at, and above it."""
    found = run_checks(TESTS / "server" / "test_limits.py", least=9)
    return [Row("inputs", "each limit, one below, at, and above it", "the right status, the limit in the message",
                str(found), found.passed)]  # fmt: skip


def exports(_: Scale) -> list[Row]:
    """Row 16: the exporter runs no code of a checkpoint."""
    files = (TESTS / "export" / f"test_checkpoint{part}.py" for part in ("", "_files", "_tokenizers"))
    found = run_checks(*files, words=("pickle", "code_of_its_own", "code_of_a_tokenizer", "code_that"), least=20)
    return [Row("files", "checkpoints with pickles and with code of their own", "refused, and nothing of it runs",
                str(found), found.passed)]  # fmt: skip


def supply(_: Scale) -> list[Row]:
    """Row 24: the imports, dependencies, dangerous calls and size of an installed engine."""
    imports = run_checks(TESTS / "contract" / "test_imports.py", least=7)
    flags = "--select S --ignore S101 --quiet --output-format concise engine"  # bandit's rules, without asserts
    bandit = [sys.executable, "-m", "ruff", "check", *flags.split()]
    found = subprocess.run(bandit, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    findings = len(found.stdout.splitlines())
    needed = [each for each in distribution("fillmask").requires or [] if "extra ==" not in each]
    size = sum(path.stat().st_size for path in shipped()) / 1e6
    figure = (f"of imports {imports}; {findings} findings of bandit's rules; {len(needed)} packages required; "
              f"{size:.0f} MB installed, the model included")  # fmt: skip
    passed = imports.passed and not findings + found.returncode
    passed = passed and len(needed) <= REQUIRED_AT_MOST and size <= INSTALLED_MB
    criterion = f"no torch, transformers, onnx; 0 findings; ≤ {REQUIRED_AT_MOST} packages; ≤ {INSTALLED_MB} MB"
    return [Row("supply", "imports, dangerous calls, dependencies and size of the engine", criterion, figure, passed)]


def shipped() -> Iterator[Path]:
    for path in EMBEDDED.parents[1].rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


MEASURES = (properties, forks, limits, exports, supply)
