"""docs/architectures.md, made from the results of the architectures' tests beside each tracer.

``python -m tests.export.architectures_page RESULTS.xml`` reads a report of pytest's ``--junitxml``. It rewrites the
rows of the installed tracer in ``docs/architectures.json`` that the report has, and the page from all rows.
``make architectures`` does so in an environment of each tracer. Folders of exports of trained models instead of a
report replace those models' rows in ``docs/trained.json``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from fillmask_export.tracing import find_tracer
from tests.support.architectures import ARCHITECTURES, ELSEWHERE

PROPERTY = "architecture "
DOCS = Path(__file__).parents[2] / "docs"
ROWS, TRAINED, PAGE = DOCS / "architectures.json", DOCS / "trained.json", DOCS / "architectures.md"
TRACERS = ("torch.export", "optimum")
SUNK = re.compile(r"(\d+) nodes at the masks only, (\d+) of them")
HEAD = """# Architectures

The exports of each architecture that has a masked-LM head in transformers 4.57 or 5.24. `make architectures` writes
this page from the results of its tests. For each architecture a small checkpoint with random weights and a tokenizer of
its family is exported and compared with transformers: with one mask and several, alone and in padded batches, at
lengths from three tokens to as many as the model takes. fp32 scores are within 1e-5 of those of transformers, in the
same order.

- *traced by*: torch.export beside transformers 5.24, optimum beside 4.57, or both with the same results.
- *at the masks*: nodes of the graph that run at the masks only. All of the LM head is among them.
- *attention*: the queries of the last attention run at the masks only, too.
- *fused*: attentions that are one operator, of all in the graph.
- *masks*: the graph has none of the lookups at counted positions by which transformers 5 makes masks.
- *one table*: word embeddings and LM head share one table, in the graph as in the checkpoint. "untied" has two in the
  checkpoint, too.
- *fp32* and so on: the variant keeps its limits; for these random networks of 32 channels a mean KL divergence of 0.1.
- *batch*: a text's scores do not depend on other texts and padding in the run. Where they do, they do in PyTorch too.
"""
TRAINED_HEAD = """
## Trained models

What `fillmask export` makes of MiniLM and AntiBERTy with each tracer. *fp32 differs by* is the largest difference of a
score from the checkpoint in PyTorch. The other columns are of int8: the mean KL divergence from the checkpoint in nats,
the masks with the same first token, and the accuracy of both.
"""
MISSED = """
## Where a pass does not apply

| architecture | pass | why |
| --- | --- | --- |
"""
REFUSALS = """
## Not exported

| architecture | traced by | why |
| --- | --- | --- |
"""
NOT_RUN = "not run yet"
# Why a row has a "no", by type of model and column.
_FOLDED = "its heads are folded into the batch, [b · h, s, d]; the passes expect an axis for them"
_CHANNELS = "its convolutions have channels in front of tokens, [b, c, s]"
MISSES = {
    "convbert": {"fused": "half of these Softmax nodes make the kernels of its convolutions, not an attention"},
    "deberta-v2": {"attention": _FOLDED, "fused": f"{_FOLDED}, and scores by distance, which depend on the queries"},
    "mobilebert": {"one table": "its head multiplies by the table and more rows, joined"},
    "mvp": {"attention": _FOLDED, "fused": _FOLDED},
    "nezha": {"fused": "its scores and its results have parts by distance, which depend on the queries"},
    "squeezebert": {"attention": _CHANNELS, "fused": _CHANNELS},
    "xmod": {
        "attention": "the adapters behind it, chosen text by text, are not tokenwise, and the pass stops there",
        "masks": "the other lookups choose the texts of an adapter",
    },
    "yoso": {
        "attention": "it has no Softmax but a power of the angles between queries and keys",
        "masks": "the lookups are of its own code",
    },
}
REASONS = {
    "fnet": "its Fourier transforms are no operators of ONNX that can be traced, and it takes no attention mask, so "
    "that padding would be text",
    "funnel": "its pooling depends on the length: torch.export refuses it, and optimum traces it at one length, which "
    "verification refuses",
    "longformer": "its sliding windows depend on the length: torch.export refuses them, and optimum traces them at one "
    "length",
    "mega": "its Fourier transforms are no operators of ONNX that can be traced",
    "mra": "its attention is a CUDA kernel, and without one transformers takes zeros for its output",
    "reformer": "its attention draws random numbers, and each run gives other logits",
    "xmod": "its adapters are chosen text by text in Python, and are traced for one size of batch",
}


def row_of(manifest: dict[str, Any], *, tied: bool, note: str) -> dict[str, Any]:
    """What the page says of an exported architecture; nothing that differs between CPUs.

    Args:
        manifest: The manifest of the export.
        tied: Whether word embeddings and LM head are one table in the checkpoint.
        note: What a reader should know besides.
    """
    passes = manifest["passes"]
    nodes, products = SUNK.match(passes["rows_at_masks"]).groups()  # type: ignore[union-attr]
    once = "yes" if passes["tied_table"].startswith("kept once") else "no" if tied else "untied"
    return {
        "class": manifest["architecture"],
        "at the masks": f"{nodes} nodes",
        "attention": _yes(products != "0"),
        "fused": passes["fused_attention"],
        "masks": _yes(len(set(passes["mask_lookups"].split(" of "))) == 1),
        "one table": once,
        "variants": {variant: entry["batch_invariant"] for variant, entry in manifest["variants"].items()},
        "note": note,
    }


def refusals() -> dict[str, str]:
    """What is not exported beside the installed transformers, and why."""
    return {name: REASONS[name] for name, each in ARCHITECTURES.items() if each.refusal} | ELSEWHERE


def complete(rows: dict[str, Any]) -> dict[str, Any]:
    """The rows of the installed tracer, in order, with those of what is refused or was not run."""
    reasons = dict.fromkeys(ARCHITECTURES, NOT_RUN) | refusals()
    found = {name: rows.get(name, {"refused": reason}) for name, reason in sorted(reasons.items())}
    return found | {name: {"refused": reason} for name, reason in refusals().items()}


def missed(row: dict[str, Any]) -> list[str]:
    """The columns of a row whose pass does not apply, or not everywhere."""
    fused, attentions = row["fused"].split(" of ")
    return [column for column in row if row[column] == "no"] + (["fused"] if fused != attentions else [])


def read_rows() -> dict[str, Any]:
    """The rows of each tracer as they are committed."""
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


def trained_row(folder: Path) -> dict[str, Any]:
    """What the page says of the export of a trained model; figures of another kind of CPU may differ a little."""
    manifest = json.loads((folder / "fillmask.json").read_text(encoding="utf-8"))
    fp32, int8 = (manifest["variants"][variant]["fidelity"] for variant in ("fp32", "int8"))
    return {
        "model": manifest["source"]["checkpoint"],
        "traced by": manifest["tracer"],
        "masks": fp32["masks"],
        "fp32 differs by": f"{fp32['max_score_difference']:.1e}",
        "mean KL": f"{int8['mean_kl']:.5f}",
        "same first": f"{int8['top_1_agreement']:.3f}",
        "accuracy": f"{int8['accuracy']:.3f}, in PyTorch {int8['checkpoint_accuracy']:.3f}",
    }


def read_trained() -> list[dict[str, Any]]:
    """The rows of trained models as they are committed."""
    rows: list[dict[str, Any]] = json.loads(TRAINED.read_text(encoding="utf-8"))
    return rows


def page(rows: dict[str, Any], trained: Sequence[dict[str, Any]] = ()) -> str:
    """The page that the rows of each tracer, and those of trained models, make."""
    names = sorted({name for each in rows.values() for name in each})
    results = [(name, tracer, row) for name in names for tracer, row in _results(name, rows)]
    exported = [result for result in results if "refused" not in result[2]]
    variants = list(dict.fromkeys(variant for *_, row in exported for variant in row["variants"]))
    columns = ["at the masks", "attention", "fused", "masks", "one table"]
    header = ["architecture", "class", "traced by", *columns, *variants, "batch", ""]
    lines = [_line(header), _line(["---"] * len(header))]
    for name, tracer, row in exported:
        kept = [_yes(variant in row["variants"]) for variant in variants]
        cells = [*map(row.get, columns), *kept, _yes(row["variants"]["fp32"]), row["note"]]
        lines.append(_line([_named(name), row["class"], tracer, *cells]))
    refused = [_line([_named(name), tracer, row["refused"]]) for name, tracer, row in results if "refused" in row]
    parts = [*lines, *_trained_lines(trained), MISSED + "\n".join(_missed_lines(exported))]
    return "\n".join([HEAD, *parts, REFUSALS + "\n".join(refused)]) + "\n"


def _trained_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    header = list(rows[0]) if rows else []
    lines = [header, ["---"] * len(header), *([*row.values()] for row in rows)]
    return [TRAINED_HEAD, *map(_line, lines)] if rows else []


def _results(name: str, rows: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The results of each tracer, joined where they are the same."""
    found = [(tracer, rows[tracer][name]) for tracer in TRACERS if name in rows.get(tracer, {})]
    return [("both", found[0][1])] if len(found) == 2 and found[0][1] == found[1][1] else found


def _missed_lines(exported: list[tuple[str, str, dict[str, Any]]]) -> list[str]:
    found = {(name.partition("/")[0], column): None for name, _, row in exported for column in missed(row)}
    return [_line([f"`{name}`", column, MISSES[name][column]]) for name, column in found]


def _named(name: str) -> str:
    model_type, _, what = name.partition("/")
    return f"`{model_type}`" + (f", {what}" if what else "")


def _yes(applies: bool) -> str:
    return "yes" if applies else "no"


def _line(cells: list[Any]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def main(paths: list[Path]) -> None:
    """Write the rows of a report, or of folders of exports, and the page."""
    stored, trained = read_rows(), read_trained()
    if paths[0].is_dir():
        found = {(row["model"], row["traced by"]): row for row in [*trained, *map(trained_row, paths)]}
        trained = [found[key] for key in sorted(found)]
        TRAINED.write_text(json.dumps(trained, indent=1) + "\n", encoding="utf-8")
    else:
        tracer = find_tracer()
        stored[tracer] = complete(stored.get(tracer, {}) | read_report(paths[0]))
        ROWS.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(stored, trained), encoding="utf-8")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
