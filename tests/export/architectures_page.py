"""docs/architectures.md, made from the results of the architectures' tests.

``python -m tests.export.architectures_page RESULTS.xml`` reads a report of pytest's ``--junitxml`` and rewrites
``docs/architectures.json``, and the page from it. ``make architectures`` does both.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.support.architectures import ARCHITECTURES, ELSEWHERE

PROPERTY = "architecture "
DOCS = Path(__file__).parents[2] / "docs"
ROWS, PAGE = DOCS / "architectures.json", DOCS / "architectures.md"
SUNK = re.compile(r"(\d+) nodes at the masks only, (\d+) of them")
HEAD = """# Architectures

The exports of each architecture that has a masked-LM head in transformers. `make architectures` writes this page from
the results of its tests. For each architecture a small checkpoint with random weights and a tokenizer of its family is
exported and compared with transformers: with one mask and several, alone and in padded batches, at lengths from three
tokens to as many as the model takes. fp32 scores are within 1e-5 of transformers', in the same order.

- *at the masks*: nodes of the graph that run at the masks only. All of the LM head is among them.
- *attention*: the queries of the last attention run at the masks only, too.
- *one table*: word embeddings and LM head share one table, in the graph as in the checkpoint.
- *fp32* and so on: the variant keeps its limits; for these random networks of 32 channels a mean KL divergence of 0.1.
- *batch*: a text's scores do not depend on other texts and padding in the run. Where they do, they do in PyTorch too.
"""
REFUSALS = """
## Not exported

| architecture | why |
| --- | --- |
"""
REASONS = {
    "fnet": "its Fourier transforms are no operators of ONNX that can be traced, and it takes no attention mask, so "
    "that padding would be text",
    "funnel": "its pooling is traced at one length; at others the graph is wrong, and verification refuses it",
    "longformer": "its sliding windows are traced at one length, by optimum too",
    "mega": "its Fourier transforms are no operators of ONNX that can be traced",
    "mra": "its attention is a CUDA kernel, and without one transformers takes zeros for its output",
    "reformer": "its attention draws random numbers, and each run gives other logits",
    "xmod": "its adapters are chosen text by text in Python, and are traced for one size of batch",
}


def row_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """What the page says of an exported architecture; nothing that differs between CPUs."""
    nodes, products = SUNK.match(manifest["passes"]["rows_at_masks"]).groups()  # type: ignore[union-attr]
    return {
        "class": manifest["architecture"],
        "nodes_at_masks": int(nodes),
        "attention_at_masks": products != "0",
        "one_table": manifest["passes"]["tied_table"].startswith("kept once"),
        "variants": {variant: entry["batch_invariant"] for variant, entry in manifest["variants"].items()},
    }


def read_rows() -> dict[str, Any]:
    """The rows as they are committed."""
    rows: dict[str, Any] = json.loads(ROWS.read_text(encoding="utf-8"))
    return rows


def read_report(path: Path) -> dict[str, Any]:
    """The rows of a report in which every test passed that is not about this page.

    Raises:
        SystemExit: A test failed.
    """
    report = ElementTree.parse(path)
    for case in report.iter("testcase"):
        failed = case.find("failure") is not None or case.find("error") is not None
        if failed and not case.get("name", "").startswith("test_the_docs_say"):
            sys.exit(f"{case.get('name')} failed; the page shows what passes")
    found = {entry.get("name", ""): entry.get("value", "") for entry in report.iter("property")}
    return {name.removeprefix(PROPERTY): json.loads(row) for name, row in found.items() if name.startswith(PROPERTY)}


def page(rows: dict[str, Any]) -> str:
    """The page that the rows make."""
    variants = list(dict.fromkeys(variant for row in rows.values() for variant in row["variants"]))
    header = ["architecture", "class", "at the masks", "attention", "one table", *variants, "batch", ""]
    lines = [_line(header), _line(["---"] * len(header))]
    lines += [_line(_cells(name, rows[name], variants)) for name in sorted(rows)]
    reasons = REASONS | ELSEWHERE
    refused = [_line([f"`{name}`", reasons[name]]) for name in sorted(reasons)]
    return HEAD + "\n" + "\n".join(lines) + "\n" + REFUSALS + "\n".join(refused) + "\n"


def _cells(name: str, row: dict[str, Any], variants: list[str]) -> list[str]:
    model_type, _, what = name.partition("/")
    return [
        f"`{model_type}`" + (f", {what}" if what else ""),
        row["class"],
        f"{row['nodes_at_masks']} nodes",
        *(_yes(row[key]) for key in ("attention_at_masks", "one_table")),
        *(_yes(variant in row["variants"]) for variant in variants),
        _yes(row["variants"]["fp32"]),
        ARCHITECTURES[name].note,
    ]


def _yes(applies: bool) -> str:
    return "yes" if applies else "no"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    found = read_report(Path(sys.argv[1]))
    DOCS.mkdir(exist_ok=True)
    ROWS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(found), encoding="utf-8")
