"""Rows that count the checks of a part of the test suite, and those that failed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
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
    """The outcome of a part of the test suite."""

    ran: int
    failed: int
    skipped: int

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.failed} of {self.ran} checks failed{skipped}"

    @property
    def passed(self) -> bool:
        return self.ran > 0 and not self.failed


def run_checks(*selection: str) -> Checks:
    """Run the tests that these arguments of pytest select."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *selection]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=1200)
        if not report.exists():
            raise RuntimeError(f"pytest {' '.join(selection)} made no report: {done.stdout[-500:]}{done.stderr[-500:]}")
        found = [ElementTree.parse(report).getroot().find("testsuite")]
    counts = {name: int(found[0].attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    skipped = counts["skipped"]
    return Checks(counts["tests"] - skipped, counts["failures"] + counts["errors"], skipped)


def properties(scale: Scale) -> list[Row]:
    """Row 12: properties of every text, every row of logits and every set of targets."""
    files = [path for path in sorted((TESTS / "unit").rglob("test_*.py")) if "PROPERTY" in path.read_text()]
    found = run_checks("-m", "hypothesis", *map(str, files[: max(1, int(len(files) * scale.share))]))
    return [Row("predictions", "properties, of 500 generated examples each", "0 failures", str(found), found.passed)]


def forks(_: Scale) -> list[Row]:
    """Row 20: a fork gets a ForkError, and spawned workers predict."""
    files = (str(TESTS / "unit" / name) for name in ("test_concurrency.py", "test_pipeline_object.py"))
    found = run_checks(*files, "-k", "fork or spawn or pickle or process")
    return [Row("machine", "forked children, and workers that are spawned", "a ForkError ≤ 1 s; the same predictions",
                str(found), found.passed)]  # fmt: skip


def limits(_: Scale) -> list[Row]:
    """Row 18: each limit, one below, at, and above it."""
    found = run_checks(str(TESTS / "server" / "test_limits.py"))
    return [Row("inputs", "each limit, one below, at, and above it", "the right status, the limit in the message",
                str(found), found.passed)]  # fmt: skip


def exports(_: Scale) -> list[Row]:
    """Row 16: the exporter runs no code of a checkpoint."""
    found = run_checks(str(TESTS / "export" / "test_checkpoint.py"), "-k", "pickle or code_of_its_own or pinned")
    return [Row("files", "checkpoints with pickles and with code of their own", "refused, and nothing of it runs",
                str(found), found.passed)]  # fmt: skip


def supply(_: Scale) -> list[Row]:
    """Row 24: the imports, dependencies, dangerous calls and size of an installed engine."""
    imports = run_checks(str(TESTS / "contract" / "test_imports.py"))
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
