"""docs/model-folders.md lists every file and key that the engine reads of a folder, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import fillmask
from fillmask.artifact import added_tokens

ENGINE = Path(fillmask.__file__).parent
PAGE = (Path(__file__).parents[2] / "docs" / "model-folders.md").read_text("utf-8")
MODULES = [
    "artifact/tokenizer.py", "artifact/added_tokens.py", "artifact/tokenizer_overrides.py",
    "artifact/tokenizer_classes.py", "runtime/contract.py", "loading.py",
]  # fmt: skip


def read_of(name: str) -> set[str]:
    """The keys that these modules read of the mapping of this name."""
    found: set[str] = set()
    for module in MODULES:
        for node in ast.walk(ast.parse((ENGINE / module).read_text("utf-8"))):
            match node:
                case ast.Call(ast.Attribute(ast.Name(id), "get"), [ast.Constant(str(key)), *_]) if id == name:
                    found.add(key)
                case ast.Subscript(ast.Name(id), ast.Constant(str(key))) if id == name:
                    found.add(key)
                case ast.Compare(ast.Constant(str(key)), [ast.In()], [ast.Name(id)]) if id == name:
                    found.add(key)
    return found


def listed(section: str) -> set[str]:
    """The names in the first column of a section's table."""
    table = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_the_page_lists_every_setting_of_the_tokenizer():
    special = {f"{name}_token" for name in added_tokens._SPECIAL} | {"additional_special_tokens"}
    assert listed("Settings of the tokenizer") == read_of("settings") | special


def test_the_page_lists_every_setting_of_the_model():
    assert listed("Settings of the model") == read_of("config")


def test_the_page_lists_every_file():
    sources = "".join((ENGINE / module).read_text("utf-8") for module in [*MODULES, "artifact/manifest.py"])
    named = set(re.findall(r'"([a-z_]+\.json)"', sources))
    assert {name for name in listed("Files") if name.endswith(".json")} == named


@pytest.mark.parametrize("heading", ["Decisions where versions of transformers differ", "Graphs from elsewhere"])
def test_the_page_says_what_was_decided(heading):
    assert f"## {heading}\n" in PAGE
