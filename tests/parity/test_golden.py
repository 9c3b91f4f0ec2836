"""The engine against answers that transformers gave earlier, stored in ``tests/golden``; needs neither torch nor it."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from fillmask import FillMask
from tests.support.agreement import Outcome, ask_engine, assert_agree
from tests.support.cases import Call

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = {path.parent.name: json.loads(path.read_text("utf-8"))["cases"] for path in GOLDEN.glob("*/cases.json")}
NAMES = sorted({(family, case["class"]) for family, cases in CASES.items() for case in cases})

REPLAY = """
import sys, pytest
code = pytest.main(["-q", "-p", "no:cacheprovider", "-k", "corner_case", sys.argv[1]])
print("collected" if code <= 1 else code, *sorted({"torch", "transformers", "optimum"} & sys.modules.keys()))
"""


@cache
def _engine(family):
    return FillMask(GOLDEN / family / "model", threads=1)


@pytest.mark.parametrize(("family", "corner"), NAMES)
def test_every_corner_case_is_answered_as_transformers_once_answered_it(family, corner):
    for case in CASES[family]:
        if case["class"] == corner:
            assert_agree(ask_engine(_engine(family), Call(**case["call"])), Outcome(**case["outcome"]))


def test_there_are_golden_files_of_every_family():
    assert {path.name for path in GOLDEN.iterdir() if (path / "model").is_dir()} == CASES.keys()
    assert len(CASES) >= 4


def test_the_replay_imports_neither_torch_nor_transformers():
    done = subprocess.run([sys.executable, "-c", REPLAY, __file__], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "collected", done.stdout
