"""The tables of a record, for the terminal and for a model card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.evaluation.running_text import LENGTHS
from benchmarks.harness.records import replace_between

START = "<!-- cloze: made by `make cloze` from benchmarks/results/cloze.json; do not edit -->"
END = "<!-- end of cloze -->"
_TITLE = "## How much English it knows"
_BEFORE = "## Verification"  # where a card without markers gets the tables

_MEASURES = (
    ("running text, up to 128 tokens: masked tokens predicted", "running_text/paragraphs/accuracy"),
    ("… among the first five", "running_text/paragraphs/top_5"),
    ("… loss, nats a token", "running_text/paragraphs/loss"),
    ("… pseudo-perplexity", "running_text/paragraphs/pseudo_perplexity"),
    ("relations: objects predicted (P@1)", "relations/p_at_1"),
    ("… among the first five (P@5)", "relations/p_at_5"),
    ("last words of passages predicted", "last_words/accuracy"),
    ("… among the first five", "last_words/top_5"),
    ("minimal pairs of BLiMP decided rightly, `original`", "minimal_pairs/original/accuracy"),
    ("… `word_l2r`", "minimal_pairs/word_l2r/accuracy"),
)
_BY_LENGTH = {"accuracy": "accuracy", "top_5": "top 5", "loss": "loss", "pseudo_perplexity": "pseudo-perplexity"}


def overview(record: Mapping[str, Any]) -> str:
    """A row for each measure; below it running text by length: the same masked tokens, with more and more context."""
    (model,) = record["subjects"]
    found, name = model["found"], model["name"]
    estimates = [(label, _at(found, path)) for label, path in _MEASURES]
    rows = [[label, f"{estimate[3]:,}", _cell(estimate)] for label, estimate in estimates]
    by_length = [(str(length), found["running_text"].get(str(length))) for length in LENGTHS]
    lengths = [[length, *(_cell(each[measure]) for measure in _BY_LENGTH)] for length, each in by_length if each]
    tables = _table(["", "n", name], rows), _table([f"tokens of a text, {name}", *_BY_LENGTH.values()], lengths)
    return "\n\n".join(tables)


def write_card(path: Path, record: Mapping[str, Any]) -> None:
    """Put the tables into a model card; see ``with_tables``."""
    path.write_text(with_tables(path.read_text(encoding="utf-8"), record), encoding="utf-8")


def with_tables(card: str, record: Mapping[str, Any]) -> str:
    """The card with the tables between its markers; a card without markers gets them before its verification."""
    if START not in card:
        head, heading, rest = card.partition(f"{_BEFORE}\n")
        card = f"{head}{_TITLE}\n\n{START}\n{END}\n\n{heading}{rest}"
    return replace_between(card, START, END, f"\n{_section(record)}\n")


def _section(record: Mapping[str, Any]) -> str:
    files = record["subjects"][0]["files"]
    return "\n".join([
        "Running text, facts and grammar, with 95 % intervals. `benchmarks/evaluation/data/README.md` describes the "
        "tasks and the texts; `make cloze` measures again.",
        "",
        overview(record),
        "",
        f"Measured on {record['context']['date']} with the files of the SHA-256 "
        f"{', '.join(f'`{name}` {digest[:12]}…' for name, digest in files.items())}",
    ])  # fmt: skip


def _at(found: Any, path: str) -> Any:  # noqa: ANN401 -- JSON
    for name in path.split("/"):
        found = found[name]
    return found


def _cell(estimate: Sequence[float]) -> str:
    """Value and interval: three decimals up to 1, two up to 10, then one."""
    value, low, high, _ = estimate
    digits = 3 if high <= 1 else 2 if high < 10 else 1
    return f"{value:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows))
