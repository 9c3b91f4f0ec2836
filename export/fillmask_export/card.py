"""The model card: the manifest's figures for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ROWS = (
    ("top_1_agreement", "same first token as the checkpoint", "{:.4f}"),
    ("top_5_agreement", "share of the checkpoint's first five kept", "{:.4f}"),
    ("mean_kl", "mean KL divergence from the checkpoint, nats", "{:.2e}"),
    ("max_score_difference", "largest difference of a score", "{:.2e}"),
    ("accuracy", "masked-token accuracy", "{:.4f}"),
    ("checkpoint_accuracy", "masked-token accuracy of the checkpoint", "{:.4f}"),
    ("not_finite", "masks with NaN or infinity", "{}"),
)


def write_card(folder: Path, manifest: Mapping[str, Any], checkpoint_card: str) -> None:
    """Write ``README.md`` from the manifest; the checkpoint's own card follows.

    Args:
        folder: Where.
        manifest: As written.
        checkpoint_card: The checkpoint's README, empty where it has none.
    """
    source = manifest["source"]
    at = f" at revision `{source['revision']}`" if source["revision"] else ""
    lines = [
        f"# {source['checkpoint']}, exported by fillmask",
        "",
        f"{manifest['architecture']} from `{source['checkpoint']}`{at}: {manifest['vocab_size']:,} tokens, texts of up "
        f"to {manifest['max_length']} tokens, mask token `{manifest['mask_token']}`.",
        "",
        "## Verification",
        "",
        f"Each variant beside the checkpoint in PyTorch (fp32), over {manifest['verification']['masks']:,} masks in "
        f"{manifest['verification']['origin']}.",
        "",
        *_table(manifest["variants"], manifest["files"]),
        "",
        "## Graph",
        "",
        *(f"- {name.replace('_', ' ')}: {what}" for name, what in manifest["passes"].items()),
        *(
            f"- {name}: {what}"
            for name, variant in manifest["variants"].items()
            if (what := variant.get("quantization"))
        ),
        "",
    ]
    if checkpoint_card:
        lines += ["## The checkpoint's own card", "", _demote(_without_front_matter(checkpoint_card)).strip(), ""]
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")


def _table(variants: Mapping[str, Any], files: Mapping[str, Any]) -> list[str]:
    sizes = [f"{size(variant, files) / 1e6:.1f} MB" for variant in variants.values()]
    rows = [["size of graph and weights", *sizes]]
    for key, label, form in _ROWS:
        rows.append([label, *(form.format(variant["fidelity"][key]) for variant in variants.values())])
    alone = [f"{variant['batch_difference']:.2e}" for variant in variants.values()]
    rows.append(["largest difference of a score in a padded batch from that alone", *alone])
    header = ["", *variants]
    return [_row(header), _row(["---"] * len(header)), *map(_row, rows)]


def size(variant: Mapping[str, Any], files: Mapping[str, Any]) -> int:
    """Bytes of a variant's graph and weights, from the manifest's entry of it and the manifest's files."""
    return sum(files[variant[key]]["bytes"] for key in ("file", "weights") if key in variant)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _without_front_matter(card: str) -> str:
    if card.startswith("---\n") and (end := card.find("\n---\n", 4)) > 0:
        return card[end + 5 :]
    return card


def _demote(card: str) -> str:
    """Move every heading two levels down, below the heading it stands under."""
    lines, fenced = [], False
    for line in card.splitlines():
        fenced ^= line.lstrip().startswith("```")
        lines.append(f"##{line}" if line.startswith("#") and not fenced else line)
    return "\n".join(lines)
