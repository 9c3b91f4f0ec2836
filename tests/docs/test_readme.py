"""Every example of every README and of the tutorials is run."""

from pathlib import Path

import pytest

from tests.support import readme

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT, ROOT / "export", ROOT / "benchmarks")
NAMES = ("scoring.md", "minimal-pairs.md", "ranking.md", "cookbook.md", "command-line.md", "python.md")
TUTORIALS = [ROOT / "docs" / name for name in NAMES]
PAGES = [path for folder in FOLDERS if (path := folder / "README.md").exists()] + TUTORIALS


@pytest.fixture(params=PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def text(request):
    """Each README in turn, and the tutorials."""
    return request.param.read_text("utf-8")


def test_a_readme_has_examples_that_are_run(text):
    assert readme.count(text)


@pytest.mark.usefixtures("loopback")
def test_python_examples_give_what_stands_there(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with readme.served(text) as adapted:
        reports = readme.check_python(adapted)
    assert not reports, "".join(reports)


def test_python_that_is_not_run_is_python_at_least(text):
    for block in readme.blocks(text, "python"):
        if ">>> " not in block.body:
            compile(block.body, f"README.md, line {block.line}", "exec")


def test_commands_print_what_stands_there(text, tmp_path):
    with readme.served(text) as adapted:
        reports = readme.check_commands(adapted, tmp_path)
    assert not reports, "\n".join(reports)


def test_targets_of_make_are_in_the_makefile(text):
    assert not readme.unknown_targets(text, (ROOT / "Makefile").read_text("utf-8"))
