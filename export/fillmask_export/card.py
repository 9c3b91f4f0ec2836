"""The model card: the manifest's figures in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fillmask_export.card_metadata import front_matter

_ROWS = (
    ("top_1_agreement", "same first token as the checkpoint", "{:.4f}"),
    ("top_5_agreement", "share of the checkpoint's first five kept", "{:.4f}"),
    ("mean_kl", "mean KL divergence from the checkpoint, nats", "{:.2e}"),
    ("max_score_difference", "largest difference of a score", "{:.2e}"),
    ("accuracy", "masked-token accuracy", "{:.4f}"),
    ("checkpoint_accuracy", "masked-token accuracy of the checkpoint", "{:.4f}"),
    ("not_finite", "masks with NaN or infinity", "{}"),
)
_LIKELIHOODS = (
    ("mean_log_prob_difference", "mean difference of a token's log probability from fp32's, nats", "{:.4f}"),
    ("rank_correlation", "rank correlation of the texts' pseudo-log-likelihoods with fp32's", "{:.4f}"),
    ("pairs_decided_alike", "minimal pairs decided as by fp32", "{:.4f}"),
    ("pairs_decided_rightly", "minimal pairs decided for the first text", "{:.4f}"),
    ("fp32_decided_rightly", "… by fp32", "{:.4f}"),
)

_FP16 = (
    "fp16 is for GPUs. Its figures here are those of the CPU, where ONNX Runtime computes much of it in float32; it "
    "was not run on a GPU."
)


def write_card(folder: Path, manifest: Mapping[str, Any], checkpoint_card: str) -> None:
    """Write ``README.md`` from the manifest; the checkpoint's own card follows.

    Args:
        folder: The artifact.
        manifest: The artifact's manifest.
        checkpoint_card: The checkpoint's README, or an empty string.
    """
    lines = [
        *front_matter(manifest, checkpoint_card),
        *_heading(manifest),
        "## Verification",
        "",
        f"Each variant beside the checkpoint in PyTorch (fp32), over {manifest['verification']['masks']:,} masks in "
        f"{manifest['verification']['origin']}.",
        "",
        *_table(_fidelity_rows(manifest["variants"]), manifest["variants"]),
        "",
        *_checks(manifest),
        "",
        *_sentences(manifest),
        *([_FP16, ""] if "fp16" in manifest["variants"] else []),
        "## Cost",
        "",
        *_table(_cost_rows(manifest), manifest["variants"]),
        "",
        *_timing(manifest["verification"].get("timing")),
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


def _heading(manifest: Mapping[str, Any]) -> list[str]:
    source = manifest["source"]
    at = f" at revision `{source['revision']}`" if source["revision"] else ""
    return [
        f"# {source['checkpoint']}, exported by fillmask",
        "",
        f"{manifest['architecture']} from `{source['checkpoint']}`{at}: {manifest['vocab_size']:,} tokens, texts of up "
        f"to {manifest['max_length']} tokens, mask token `{manifest['mask_token']}`.",
        "",
    ]


def _fidelity_rows(variants: Mapping[str, Any]) -> Iterator[list[str]]:
    for key, label, form in _ROWS:
        yield [label, *(form.format(variant["fidelity"][key]) for variant in variants.values())]
    alone = [f"{variant['batch_difference']:.2e}" for variant in variants.values()]
    texts = min(variant["batch_texts"] for variant in variants.values())
    yield [f"largest difference of a score in padded batches from that alone, {texts} texts", *alone]
    equal = [f"{variant['equal_length_difference']:.2e}" for variant in variants.values()]
    yield ["largest difference of a score beside texts of the same length from that alone", *equal]
    long = [variant["long_texts"] for variant in variants.values()]
    yield [
        f"mean KL divergence in texts of {long[0]['tokens']} tokens, nats",
        *(f"{figures['mean_kl']:.2e}" for figures in long),
    ]
    unmasked = [variant["unmasked_texts"] for variant in variants.values()]
    for key, what in (("mean_kl", ""), ("mean_kl_of_others", ", over the other tokens")):
        label = f"mean KL divergence at tokens that are not masked{what}, nats"
        yield [label, *(f"{each[key]:.2e}" for each in unmasked)]
    yield ["reads tokens that are not masked", *(_yes(each["unmasked_verified"]) for each in variants.values())]
    yield from _likelihood_rows([variant.get("likelihoods") for variant in variants.values()])


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _likelihood_rows(found: Sequence[Mapping[str, Any] | None]) -> Iterator[list[str]]:
    """How far the scores of texts are from those of fp32, which has no such figures itself."""
    if not any(found):
        return
    for key, label, form in _LIKELIHOODS:
        cells = [each and each[key] for each in found]
        yield [label, *("–" if value is None else form.format(value) for value in cells)]


def _checks(manifest: Mapping[str, Any]) -> list[str]:
    """Checks without a figure for each variant; an artifact that fails one is not written."""
    random = [variant["random_texts"]["texts"] for variant in manifest["variants"].values()]
    return [
        f"{_batches(manifest['variants'])} No variant gives NaN or infinity on {min(random)} texts of random tokens. "
        f"The engine reads and writes {manifest['verification']['tokenizer']['texts']} difficult texts (combining "
        "marks, scripts without spaces or from right to left, emoji sequences, control characters, very long words) "
        "token by token as transformers does."
    ]


def _sentences(manifest: Mapping[str, Any]) -> list[str]:
    """On what the pseudo-log-likelihoods were compared."""
    found = [variant["likelihoods"] for variant in manifest["variants"].values() if "likelihoods" in variant]
    if not found:
        return []
    figures, origin = found[0], manifest["verification"]["pairs"]
    return [
        f"Pseudo-log-likelihoods mask each token alone. They were compared on {figures['texts']} of the texts, cut to "
        f"at most 32 tokens ({figures['tokens']:,} tokens), and on {figures['pairs']} minimal pairs ({origin}).",
        "",
    ]


def _batches(variants: Mapping[str, Any]) -> str:
    """Which variants may run several texts together, and which only texts of one length."""
    sentences: dict[str, list[str]] = {}
    for name, variant in variants.items():
        if variant["batch_invariant"]:
            limit = variant.get("padded_below")
            lengths = f"fewer than {limit} tokens" if limit else "any lengths"
            sentence = f"Texts of {lengths} keep their scores when they are padded and run together"
        elif variant["equal_length_invariant"]:
            sentence = "Only texts of equal length keep their scores when they are run together"
        else:
            sentence = "Texts keep their scores only when they are run alone"
        sentences.setdefault(sentence, []).append(name)
    return " ".join(f"{sentence} ({', '.join(names)})." for sentence, names in sentences.items())


def _cost_rows(manifest: Mapping[str, Any]) -> Iterator[list[str]]:
    variants, timing = manifest["variants"].values(), manifest["verification"].get("timing")
    yield ["graph and weights on disk", *(f"{size(variant, manifest['files']) / 1e6:.1f} MB" for variant in variants)]
    if timing is None:
        return
    resident = [variant["resident_bytes"] for variant in variants]
    yield [
        "memory of a process after its first prediction",
        *("not measured" if count is None else f"{count / 1e6:.0f} MB" for count in resident),
    ]
    for tokens, reference in timing["checkpoint_ms"].items():
        times = [variant["latency_ms"][tokens] for variant in variants]
        label = f"a run of {tokens} tokens; the checkpoint takes {reference:.2f} ms"
        yield [label, *(f"{time:.2f} ms ({time / reference:.2f} ×)" for time in times)]


def _timing(timing: Mapping[str, Any] | None) -> list[str]:
    if timing is None:
        return []
    return [
        f"Measured on {timing['cpu']} ({timing['system']}) with {_count(timing['threads'], 'thread')} a run: medians "
        f"of {_count(timing['rounds'], 'round')} in which each variant and the checkpoint in PyTorch ran in turn, one "
        "text with one mask, without tokenizing. Times hold on the machine they were made on; `fillmask verify` "
        "measures yours. Memory is that of the whole process, Python and ONNX Runtime included.",
        "",
    ]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _table(rows: Iterable[list[str]], variants: Mapping[str, Any]) -> list[str]:
    header = ["", *variants]
    return [_row(header), _row(["---"] * len(header)), *map(_row, rows)]


def size(variant: Mapping[str, Any], files: Mapping[str, Any]) -> int:
    """Bytes of a variant's graph and weights, from its entry and the file entries of the manifest."""
    return sum(files[variant[key]]["bytes"] for key in ("file", "weights") if key in variant)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _without_front_matter(card: str) -> str:
    if card.startswith("---\n") and (end := card.find("\n---\n", 4)) > 0:
        return card[end + 5 :]
    return card


def _demote(card: str) -> str:
    """Move every heading two levels down."""
    lines, fenced = [], False
    for line in card.splitlines():
        fenced ^= line.lstrip().startswith("```")
        lines.append(f"##{line}" if line.startswith("#") and not fenced else line)
    return "\n".join(lines)
