"""What the code imports is what pyproject.toml declares."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Imported only where something else that is declared brings it, or for a version that has it.
_BROUGHT = {"optimum"}


def imported(folder):
    """The top-level packages that the code of a folder imports."""
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from (name.name.partition(".")[0] for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]


def declared():
    """The distributions that the project and its extras name."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    listed = text[text.index("\ndependencies = [") : text.index("\n[project.scripts]")]
    return {normal(name) for name in re.findall(r'"([A-Za-z][\w.-]*)(?:\[[^"]*\])?[<>=!~;, ][^"]*"', listed)}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("folder", ["engine", "export"])
def test_every_package_that_is_imported_is_declared(folder):
    known = packages_distributions()
    foreign = set(imported(folder)) - sys.stdlib_module_names - {"fillmask", "fillmask_export"} - _BROUGHT
    names = {package: {normal(name) for name in known.get(package, [package])} for package in foreign}
    assert {package for package, distributions in names.items() if not distributions & declared()} == set()
