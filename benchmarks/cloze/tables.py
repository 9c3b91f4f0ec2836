"""Tables of what was found, for the terminal and for a model card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cloze.running_text import LENGTHS
from benchmarks.harness.records import replace_between

START = "<!-- cloze: made by `make cloze` from benchmarks/results/cloze.json; do not edit -->"
END = "<!-- end of cloze -->"
_TITLE = "## How much English it knows"
_BEFORE = "## Verification"  # of a card without markers

_MEASURES = (
    ("running text, up to 128 tokens: masked tokens guessed", "running_text/paragraphs/accuracy"),
    ("… among the first five", "running_text/paragraphs/top_5"),
    ("… loss, nats a token", "running_text/paragraphs/loss"),
    ("… pseudo-perplexity", "running_text/paragraphs/pseudo_perplexity"),
    ("relations: objects guessed (P@1)", "relations/p_at_1"),
    ("… among the first five (P@5)", "relations/p_at_5"),
    ("last words of passages guessed", "last_words/accuracy"),
    ("… among the first five", "last_words/top_5"),
    ("minimal pairs told apart", "minimal_pairs/accuracy"),
)
_BY_LENGTH = ("accuracy", "top_5", "loss", "pseudo_perplexity")


def overview(record: Mapping[str, Any]) -> str:
    """One row a measure, one column a subject; below it running text by length."""
    subjects = record["subjects"]
    rows = [
        [label, f"{_at(subjects[0]['found'], path)[3]:,}", *(_cell(_at(each["found"], path)) for each in subjects)]
        for label, path in _MEASURES
        if path.split("/")[0] in subjects[0]["found"]
    ]
    lines = [*_table(["", "n", *(each["name"] for each in subjects)], rows), "", *_lengths(subjects)]
    return "\n".join(lines).strip()


def details(record: Mapping[str, Any]) -> str:
    """One row a relation and one a paradigm: its share and, in the last column, of how many."""
    subjects = record["subjects"]
    lines: list[str] = []
    for task, kind, measure in (("relations", "relations", "P@1"), ("minimal_pairs", "paradigms", "told apart")):
        if task not in subjects[0]["found"]:
            continue
        found = [each["found"][task][kind] for each in subjects]
        header = [kind, *(f"{measure}, {each['name']}" for each in subjects), "n"]
        rows = [[name, *(f"{each[name][0]:.3f}" for each in found), str(found[0][name][-1])] for name in found[0]]
        lines += [*_table(header, rows), ""]
    return "\n".join(lines)


def write_card(path: Path, record: Mapping[str, Any]) -> None:
    """Put the tables into a model card; see ``with_tables``."""
    path.write_text(with_tables(path.read_text(encoding="utf-8"), record), encoding="utf-8")


def with_tables(card: str, record: Mapping[str, Any]) -> str:
    """The card with the tables between its markers, which are put before the verification if there are none."""
    if START not in card:
        head, heading, rest = card.partition(f"{_BEFORE}\n")
        card = f"{head}{_TITLE}\n\n{START}\n{END}\n\n{heading}{rest}"
    return replace_between(card, START, END, f"\n{block(record)}\n")


def block(record: Mapping[str, Any]) -> str:
    """What a card says of a record."""
    context = record["context"]
    return "\n".join([
        "Running text, facts and grammar, with 95 % intervals. What is asked, and of which texts, is in "
        "`benchmarks/cloze/data/README.md`; `make cloze` asks again.",
        "",
        overview(record),
        "",
        f"Asked on {context['date']} of the files with the SHA-256 "
        f"{', '.join(f'`{name}` {digest[:12]}…' for name, digest in record['subjects'][0]['files'].items())}",
    ])  # fmt: skip


def _lengths(subjects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The same masked tokens, with more and more text around them."""
    for subject in subjects:
        found = {length: subject["found"].get("running_text", {}).get(str(length)) for length in LENGTHS}
        rows = [[str(n), *(_cell(each[name]) for name in _BY_LENGTH)] for n, each in found.items() if each]
        if not rows:
            continue
        header = [f"tokens of a text, {subject['name']}", "accuracy", "top 5", "loss", "pseudo-perplexity"]
        yield from _table(header, rows)
        yield ""


def _at(found: Any, path: str) -> Any:  # noqa: ANN401 -- JSON
    for name in path.split("/"):
        found = found[name]
    return found


def _cell(estimate: Sequence[float]) -> str:
    """Value and interval, a share with three decimals, all else with two."""
    value, low, high, _ = estimate
    digits = 3 if high <= 1 else 2 if high < 10 else 1
    return f"{value:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]
