"""Relative links of every page lead to a file or a folder, and their anchors to a heading."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("benchmarks", "deploy", "docs", "engine", "export", "tests")
PAGES = [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))]
FENCED = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[(?:[^][]|\[[^]]*\])*\]\(([^()\s]+)\)")


def links(text):
    """The targets of relative links, without those in code."""
    prose = re.sub(r"`[^`\n]+`", "code", FENCED.sub("", text))
    return [link for link in LINK.findall(prose) if not re.match(r"[a-z][a-z0-9+.-]*:", link)]


def anchors(text):
    """The anchors that GitHub gives the headings of a page."""
    found: list[str] = []
    for heading in re.findall(r"^#+ +(.+?)\s*$", FENCED.sub("", text), re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        copies = sum(each == slug or re.fullmatch(rf"{re.escape(slug)}-\d+", each) is not None for each in found)
        found.append(f"{slug}-{copies}" if slug in found else slug)
    return found


def broken(page):
    """What is wrong with each link of a page."""
    text = page.read_text("utf-8")
    for link in links(text):
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path) if path else page
        if not target.exists():
            yield f"{link}: there is no {path}"
        elif anchor and anchor not in anchors(target.read_text("utf-8")):
            yield f"{link}: {target.name} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_of_a_page_lead_somewhere(page):
    assert list(broken(page)) == []


def test_a_file_and_a_heading_that_are_not_there_are_found(tmp_path):
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# Rows of the `LM` head\n\n## Twice\n\n## Twice\n\n```sh\n# no heading\n```\n")
    right = ["other.md", "other.md#rows-of-the-lm-head", "other.md#twice-1", "#here", "https://example.org/none"]
    wrong = ["none.md", "other.md#rows", "other.md#twice-2", "other.md#no-heading", "#there"]
    page.write_text("# Here\n\n`[code](none.md)`\n\n" + "\n".join(f"[a]({link})" for link in [*right, *wrong]))
    assert [line.partition(":")[0] for line in broken(page)] == wrong
