"""The reading guide of CONTRIBUTING.md names every module of the engine, and no other."""

import re
from pathlib import Path

import fillmask

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"
ENGINE = Path(fillmask.__file__).parent


def rows():
    guide = CONTRIBUTING.read_text("utf-8").partition("## Reading the code")[2].partition("\n## ")[0]
    return [line for line in guide.splitlines() if line.startswith("|")]


def named(lines):
    """The modules of rows: in the second column of the numbered ones, in the first of the others."""
    columns = [line.strip("| ").split(" | ") for line in lines]
    cells = [column[1] if column[0].isdigit() else column[0] for column in columns]
    return [name for cell in cells for name in re.findall(r"`([\w/]+\.py)`", cell)]


def modules():
    return {path.relative_to(ENGINE).as_posix() for path in ENGINE.rglob("*.py")}


def test_the_guide_names_every_module_once():
    assert sorted(named(rows())) == sorted(modules())


def test_the_path_of_predict_is_short():
    path = named([line for line in rows() if re.match(r"\| \d+ \|", line)])
    lines = sum(len((ENGINE / module).read_text("utf-8").splitlines()) for module in path)
    assert len(path) <= 11
    assert lines <= 1150
