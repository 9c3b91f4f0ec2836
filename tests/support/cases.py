"""What parity is checked on, as data: each corner-case class with calls that belong to it.

The live comparison with transformers and the golden files both read this table. In a text, ``[MASK]`` stands for the
mask token of whichever model is asked.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tokenizers import Tokenizer

from tests.support.training import sentences, train

MASK = "[MASK]"
TEXT = "The cat sleeps on the [MASK]."
TWO_MASKS = "The [MASK] sleeps on the [MASK] of the house."
LONG = "On Friday we cleaned the kitchen, and on Saturday we cooked in it. " * 6


@dataclass(frozen=True)
class Call:
    """One question.

    Attributes:
        inputs: A text, or a list of texts.
        parameters: ``top_k``, ``targets`` and ``truncation``, by the engine's names.
        lazy: Pass a list's texts as a generator.
    """

    inputs: str | list[str]
    parameters: dict[str, Any] = field(default_factory=dict)
    lazy: bool = False


# Classes whose calls are the same for every model.
COMMON: dict[str, list[Call]] = {
    "single_mask": [Call(TEXT), Call("[MASK]"), Call("[MASK] is the capital of a country."), Call("we read[MASK]s .")],
    "several_masks": [Call(TWO_MASKS), Call("[MASK][MASK]"), Call("[MASK] [MASK] and [MASK] , [MASK]!", {"top_k": 3})],
    "list": [Call([TEXT, "Good [MASK]!"]), Call([TWO_MASKS, "The [MASK] and the [MASK]."], {"top_k": 2})],
    "list_of_one": [Call([TEXT]), Call([TWO_MASKS], {"top_k": 2})],
    "empty_list": [Call([]), Call([], {"top_k": 0})],
    "mixed_list": [Call([TEXT, TWO_MASKS, "[MASK]"], {"top_k": 2})],
    "generator": [Call([TEXT, TWO_MASKS], {"top_k": 2}, lazy=True), Call([], lazy=True), Call([TEXT], lazy=True)],
    "targets_empty": [Call(TEXT, {"targets": targets}) for targets in ([], "", [""], ["", ""])],
    "top_k_none": [Call(TEXT, {"top_k": None}), Call(TWO_MASKS, {"top_k": None})],
    "top_k_0": [Call(TEXT, {"top_k": 0}), Call(TWO_MASKS, {"top_k": 0}), Call([TEXT, TEXT], {"top_k": 0})],
    "top_k_1": [Call(TEXT, {"top_k": 1}), Call(TWO_MASKS, {"top_k": 1})],
    "top_k_5": [Call(TEXT, {"top_k": 5})],
    "no_mask": [Call("The cat sleeps."), Call(""), Call(["The cat sleeps on the table."]), Call([TEXT, "no mask"])],
    "special_tokens_in_text": [
        Call("The cat [SEP] sleeps [UNK] on [PAD] the [MASK] [CLS]."),
        Call("<s> The cat </s> sleeps <unk> on <pad> the [MASK] and [MASK].", {"top_k": 2}),
    ],
    "unicode_cjk": [
        Call("猫在[MASK]上睡觉，狗在桌子下面睡觉。"),
        Call("猫は[MASK]の上で寝て、犬は [MASK] の下。", {"top_k": 2}),
        Call("고양이는 [MASK] 위에서 자고."),
        Call("鬱龘 [MASK] 𠮷 ﾊﾝｶｸ ＡＢＣ"),
    ],
    "unicode_emoji": [
        Call("We had pizza 🍕 and [MASK] 🍨."),
        Call("the whole family 👨‍👩‍👧‍👦[MASK]👍🏽 went 🇫🇷 home ❤️."),
        Call("🙂[MASK]🙃 [MASK]🏳️‍🌈", {"top_k": 2}),
    ],
    "unicode_combining": [
        Call("a cafe\u0301 with nai\u0308ve [MASK]s"),
        Call("Z\u0351\u036b\u0343a\u0321\u0322lgo [MASK] \u0301e \u212b \ufb01ne ½"),
        Call("शाम को हम [MASK] में चाय पीते हैं"),
        Call("แมวนอนบน[MASK]และหมา"),
    ],
    "unicode_rtl": [
        Call("القطة تنام على [MASK] والكلب"),
        Call("החתול ישן על [MASK]."),
        Call("שָׁלוֹם [MASK] \u200fabc\u200e 123 \u202e[MASK]\u202c", {"top_k": 2}),
    ],
    "whitespace": [
        Call("  The \t cat\n\nsleeps \r\n on the   [MASK]   .  "),
        Call("The\u00a0cat\u3000sleeps\u2009on\u200bthe\u2028[MASK]\ufeff."),
        Call("[MASK]\n"),
        Call("a\x01b\x7f [MASK]\x85 \ufffd"),
    ],
    "punctuation": [
        Call("\"Where 's the [MASK] ?\" he ' said , isn 't it ! I 'm , we 've , they 're ... do n't ."),
        Call("it's—[MASK]… (3,141,592.65) [MASK]/[MASK] a.b@c.org", {"top_k": 2}),
    ],
    "long_word": [Call("ing" * 34 + " [MASK]"), Call("A " + "donaudampfschiff" * 3 + "[MASK] is a word.")],
    "truncation_right": [
        Call("The [MASK] . " + LONG, {"truncation": "right"}),
        Call("The [MASK] of the [MASK]. " + LONG, {"truncation": "right", "top_k": 2}),
        Call(TEXT, {"truncation": "right"}),
    ],
}


def calls(family: str) -> dict[str, list[Call]]:
    """All classes with their calls, those included that depend on what is in a family's vocabulary."""
    tokenizer = train(family)
    size = tokenizer.get_vocab_size()
    known = tokenizer.encode("the water of the house", add_special_tokens=False).tokens[:3]
    return COMMON | {
        "random_masks": [Call(list(masked_sentences(family, 30)), {"top_k": 3})],
        "top_k_all": [Call("the [MASK]", {"top_k": size})],
        "top_k_too_large": [Call(TEXT, {"top_k": size + 100})],
        "targets_known": _known(known),
        "targets_replaced": _replaced(),
        "targets_ignored": [Call(TEXT, {"targets": ["", *known]}), Call(TEXT, {"targets": [known[0], "", ""]})],
        "targets_duplicate": _duplicate(known),
        "targets_mixed": [Call(TWO_MASKS, {"targets": [known[0], "", "Zanzibar", known[1], "鬱"], "top_k": 3})],
        "targets_special": [Call(TEXT, {"targets": _special(tokenizer)}), Call(TWO_MASKS, {"targets": " <mask>"})],
    }


def masked_sentences(family: str, masks: int) -> Iterator[str]:
    """Sentences of the corpus, each with one to three of its tokens masked at random, the same ones every time."""
    tokenizer = train(family)
    choose = random.Random(family)
    while masks > 0:
        ids = tokenizer.encode(choose.choice(sentences()), add_special_tokens=False).ids[:50]
        places = choose.sample(range(len(ids)), min(len(ids), choose.randint(1, 3)))
        parts = [tokenizer.decode(ids[start:end]) for start, end in _gaps(sorted(places), len(ids))]
        yield MASK.join(parts)
        masks -= len(places)


def _gaps(places: list[int], length: int) -> Iterator[tuple[int, int]]:
    """The stretches between places."""
    yield from zip([0, *(place + 1 for place in places)], [*places, length], strict=True)


def _known(known: list[str]) -> list[Call]:
    return [
        Call(TEXT, {"targets": known}),
        Call(TEXT, {"targets": known[0]}),
        Call(TWO_MASKS, {"targets": known, "top_k": 2}),
        Call([TEXT, TWO_MASKS], {"targets": known, "top_k": 100}),
        Call(TEXT, {"targets": known, "top_k": 0}),
        Call(TEXT, {"targets": known, "top_k": None}),
    ]


def _replaced() -> list[Call]:
    return [
        Call(TEXT, {"targets": targets})
        for targets in ("Zanzibar", [" Zanzibar", "Zürich"], ["in the house", "鬱龘", "🍕"], [" ", "\t"], "e\u0301")
    ]


def _duplicate(known: list[str]) -> list[Call]:
    return [
        Call(TEXT, {"targets": [*known, *known[:2]], "top_k": 10}),
        Call(TEXT, {"targets": ["Zanzibar", "Zanzibar", known[0]]}),
    ]


def _special(tokenizer: Tokenizer) -> list[str]:
    return [token.content for token in tokenizer.get_added_tokens_decoder().values()]
