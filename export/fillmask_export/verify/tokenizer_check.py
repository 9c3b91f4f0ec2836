"""Compare the engine's tokenizer with transformers' on difficult texts.

Probes are token ids, so that the fidelity figures do not show a tokenizer that encodes a text differently. Here both
encode texts on which tokenizers disagree, and decode them with a token in place of the mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fillmask.artifact.folder import Artifact
from fillmask.artifact.tokenizer import open_tokenizer
from fillmask.decoding import Decoder
from fillmask.encoding import Encoder
from fillmask_export.errors import FidelityError

_UNLIMITED = 10**9
_MOST_ADDED = 1000

# ``{}`` is the mask; each text has one.
HARD_TEXTS = (
    "{}", " {} ", "{}.", "a{}", "{}a", "a{}b", "({})", "\"{}\"", "'{}'", "-{}-", "{},x", "#{}", "##{}",
    "_{}", "▁{}", "Ġ{}", "The  two   spaces {}", "\ttab {} tab\t", "line\nbreak {}\r\nand carriage",
    "no\u00a0break {}\u202fnarrow", "\u2003em\u2009thin\u3000wide {}\u2028line\u2029paragraph",
    "zero\u200bwidth {}\u200b", "\ufeffmark {}", "soft\u00adhyphen {}", "join\u2060er {}",
    "\u200d{}\u200c", "control\x01\x02 {} \x1f\x7f", "c1\x80\x85\x9f {}",
    "unassigned\u0378 {} private\ue000", "non\ufffe\uffffcharacters {}", "replacement\ufffd {}",
    "[CLS] {} [SEP]", "<s> {} </s>", "<pad>{}[PAD]", "[UNK] {} <unk>", "[unused0] {}",
    "cafe\u0301 {} café", "A\u030a Å Å {}", "ﬁ ﬂ ﬀ {} ½ ² ™", "ǅ ǆ İ ı ß ẞ ſ {}", "ΣΊΣΥΦΟΣ σς {}",
    "Straße GROẞ {}", "ﷺ {} ﷽", "Z̷̢̛a̸l̶g̵o̴ {}", "e\u0327\u0301 e\u0301\u0327 {}",
    "\u0301{} begins with a mark", "한국어 {} 한국어", "日本語のテキスト{}です。", "ｶﾞ ガ が {}",
    "中文没有空格{}中文", "𠀀𠀁 𪛖 {}",
    "葛󠄀 {} ㊗️", "ไทยไม่มีช่องว่าง{}", "हिन्दी {} क्षत्रिय", "தமிழ் {} നല്ല", "မြန်မာ {}", "ខ្មែរ {}",
    "العربية {} لُغَةٌ", "עִבְרִית {} שלום", "left \u202eright {}\u202c \u2066isolate\u2069",
    "Ελληνικά {} Кириллица", "𝒻𝓊𝓁𝓁 𝕎𝕀𝔻𝔼 {} ＡＢＣ", "😀{}😀", "👨\u200d👩\u200d👧\u200d👦 {}", "👍🏽 {} 🏳️\u200d🌈",
    "🇫🇷{}🇩🇪", "1️⃣ {} #️⃣", "10,000.50€ {} −3×10⁻⁵", "https://example.org/a?b=c&d=%20{}",
    "user@example.org {}", "don't can't {} it's they've", "C++ {} C# .NET", "…‘’“”–—{}·•",
    f"{'long' * 60} {{}}", f"{'é' * 300}{{}}", f"{'日' * 200}{{}}", f"{'a ' * 400}{{}}",
    f"{{}}{'!' * 150}",
)  # fmt: skip


def texts_for(tokenizer: Any) -> list[str]:  # noqa: ANN401
    """Give the difficult texts, and one for each token that was added to a vocabulary: their flags are easily lost."""
    added = [token for token in tokenizer.get_added_vocab() if token != tokenizer.mask_token and "{}" not in token]
    return [*HARD_TEXTS, *(f"a{token}b {token} É {{}}" for token in added[:_MOST_ADDED])]


def check_tokenizer(tokenizer: Any, folder: Path, texts: Sequence[str] | None = None) -> dict[str, int]:  # noqa: ANN401
    """Encode and decode texts with the engine's tokenizer and with transformers'.

    Args:
        tokenizer: transformers' tokenizer.
        folder: Holds the tokenizer files of the artifact.
        texts: Texts with one ``{}`` each, in place of the mask; None for ``texts_for(tokenizer)``.

    Returns:
        The number of texts, for the manifest.

    Raises:
        FidelityError: A text is encoded or decoded differently.
    """
    tokenization = open_tokenizer(Artifact(folder, str(folder), None, {}, {}))._replace(max_length=_UNLIMITED)
    encoder, decoder = Encoder(tokenization, placeholders=False), Decoder(tokenization)
    filled = next(token for token in range(len(tokenizer)) if token not in tokenizer.all_special_ids)
    texts = texts_for(tokenizer) if texts is None else texts
    for text in (text.replace("{}", tokenizer.mask_token) for text in texts):
        row = encoder.encode(text)
        expected = tokenizer(text, verbose=False)["input_ids"]
        _compare("reads", text, row.tolist(), expected)
        position = expected.index(tokenizer.mask_token_id)
        written = decoder.around(row, position, single_mask=True)(filled)
        expected[position] = filled
        kept = [token for token in expected if token != tokenizer.pad_token_id]
        _compare("writes", text, written, tokenizer.decode(kept, skip_special_tokens=True))
    return {"texts": len(texts)}


def _compare(what: str, text: str, engine: object, transformers: object) -> None:
    if engine != transformers:
        raise FidelityError(
            f"the engine {what} {_short(text)} as {_short(engine)} and transformers as {_short(transformers)}; the "
            f"artifact would predict for other texts than the checkpoint. Please report this tokenizer"
        )


def _short(value: object) -> str:
    shown = ascii(value)
    return shown if len(shown) <= 120 else f"{shown[:120]}…"
