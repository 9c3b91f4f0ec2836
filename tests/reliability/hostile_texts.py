"""64 clients at once, of whose texts one in twenty is hostile: the other texts get what each gets alone."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fillmask import FillMask
from fillmask.artifact.folder import EMBEDDED
from tests.reliability.load import CLIENTS, texts
from tests.reliability.row import Row, Scale
from tests.support import toys
from tests.support.serving import Reply, Served, serve

# Of the scores, as in the row of batches. The head's kernel for int8 multiplies rows in pairs. The last of an odd
# number of rows, such as a text alone, sums in another order, and its logits differ by some 2e-6.
TOLERANCE = 1e-5
HOSTILE = {
    "no mask": "the cat sat on the mat",
    "too long for the model": "[MASK] " + "cat " * 2000,
    "too many characters": "[MASK] " + "a" * 30_000,
    "thousands of masks": "[MASK]" * 3000,
    "a lone surrogate": "the [MASK] \ud800 sat",
    "a flood of ligatures": "[MASK] " + "\ufdfa" * 19_000,
    "an empty text": "",
    "nothing but NUL": "\0" * 500,
}
# The toy's tokenizer has a token that its model lacks.
LACKING = {"a token that the model lacks": "the <new> [MASK] sat"}


def hostile_texts(scale: Scale) -> list[Row]:
    """Row 13: no good text fails or gets other predictions, with an exported model and with a graph from elsewhere."""
    with tempfile.TemporaryDirectory() as parent:
        foreign = lacking(Path(parent))
        folders = {"exported": EMBEDDED, "foreign": foreign}
        with serve(*(f"{name}={folder}" for name, folder in folders.items())) as server:
            return [
                row(server, "exported", FillMask(EMBEDDED, threads=1), HOSTILE, scale=scale),
                row(server, "foreign", FillMask(foreign, threads=1), HOSTILE | LACKING, scale=scale),
            ]


def lacking(parent: Path) -> Path:
    """A folder without a manifest whose tokenizer has a token beyond the table of its model."""
    tokenizer = toys.word_piece()
    tokenizer.add_tokens(["<new>"])
    return toys.write_foreign(parent / "foreign", tokenizer=tokenizer, config={"vocab_size": None})


def row(server: Served, name: str, fill_mask: FillMask, hostile: dict[str, str], *, scale: Scale) -> Row:
    """The outcome of 64 clients of one model."""
    good = texts(19 * len(hostile), 3, min(40, fill_mask.max_length // 2), seed=3)
    if name == "foreign":  # each word of the other texts is several of its tokens
        good = [f"the {word} [MASK] sat" for word in toys.WORDS for _ in range(19)][: 19 * len(hostile)]
    some = mixed(good, list(hostile.values())) * scale.count(100)
    alone = {text: fill_mask(text) for text in set(good)}
    with ThreadPoolExecutor(CLIENTS) as clients:
        replies = list(clients.map(lambda text: server.ask(text, f"/models/{name}"), some))
    pairs = list(zip(some, replies, strict=True))
    got = [(reply, alone[text]) for text, reply in pairs if text in alone]
    failed = sum(reply.status != 200 for reply, _ in got)
    wrong = sum(not same(reply, expected) for reply, expected in got if reply.status == 200)
    bits = sum(reply.status == 200 and reply.json != expected for reply, expected in got)
    accepted = sum(not 400 <= reply.status < 500 for text, reply in pairs if text not in alone)
    figure = (
        f"{len(some)} requests: {failed} good ones failed, {wrong} got other predictions, {bits} differ in a bit of "
        f"a score by {TOLERANCE:.0e} at most; {accepted} hostile ones were not refused"
    )
    return Row("inputs", f"64 clients, one text in twenty hostile, {name} model", "0 good failed, 0 other; hostile 4xx",
               figure, not failed + wrong + accepted)  # fmt: skip


def mixed(good: list[str], hostile: list[str]) -> list[str]:
    """A hostile text behind each 19 good ones."""
    return [text for n, bad in enumerate(hostile) for text in (*good[19 * n : 19 * n + 19], bad)]


def same(reply: Reply, expected: list[dict[str, Any]]) -> bool:
    """Whether a response has the predictions of the text alone; neighbors may change places within the tolerance."""
    near = [abs(one["score"] - other["score"]) <= TOLERANCE for one, other in zip(reply.json, expected, strict=True)]
    known = {row["token"]: row for row in expected}
    texts_agree = all(
        (row["token_str"], row["sequence"]) == (known[row["token"]]["token_str"], known[row["token"]]["sequence"])
        for row in reply.json
        if row["token"] in known
    )
    return all(near) and texts_agree


MEASURES = (hostile_texts,)
