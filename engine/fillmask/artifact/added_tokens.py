"""Tokens that the settings of a folder list and ``tokenizer.json`` lacks, or has with other flags.

Source: ``_from_pretrained`` of PreTrainedTokenizerBase and ``__init__`` of PreTrainedTokenizerFast, transformers 4.57.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tokenizers import AddedToken, Tokenizer

_SPECIAL = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
_FLAGS = ("lstrip", "rstrip", "normalized", "single_word")


def add_tokens(tokenizer: Tokenizer, settings: Mapping[str, Any], legacy: Mapping[str, int]) -> None:
    """Add the tokens that the settings list, in place.

    Args:
        tokenizer: As tokenizer.json defines it.
        settings: ``tokenizer_config.json``, merged with ``special_tokens_map.json`` and the tokens of the class.
        legacy: ``added_tokens.json``, which counts where the settings hold no ``added_tokens_decoder``.
    """
    special = list(_special_entries(settings))
    names = {content for entry in special if (content := content_of(entry)) is not None}
    known = tokenizer.get_added_tokens_decoder()
    for token_id, token in sorted(_listed(settings, legacy, known, names).items()):
        if known.get(token_id) != token:
            (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    added = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    for entry in special:
        if (content := content_of(entry)) is not None and content not in added:
            tokenizer.add_special_tokens([AddedToken(content, special=True, **_flags(entry))])


def content_of(token: Any) -> str | None:  # noqa: ANN401 -- any JSON value
    """The text of a token, which the settings give as a string or as an object."""
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) else None


def _special_entries(settings: Mapping[str, Any]) -> Iterable[Any]:
    """The special tokens by name, then those without one, in transformers' order."""
    yield from (settings.get(f"{name}_token") for name in _SPECIAL)
    yield from settings.get("additional_special_tokens") or []
    extra = settings.get("extra_special_tokens") or []  # 4.57 maps names to tokens, 5.x lists tokens
    yield from extra.values() if isinstance(extra, dict) else extra


def _listed(
    settings: Mapping[str, Any], legacy: Mapping[str, int], known: Mapping[int, AddedToken], special: set[str]
) -> dict[int, AddedToken]:
    if "added_tokens_decoder" in settings:
        entries = settings["added_tokens_decoder"].items()
        return {int(token_id): _token(entry, special) for token_id, entry in entries}
    listed = {
        token_id: AddedToken(content, special=content in special, normalized=content not in special)
        for content, token_id in legacy.items()
        if token_id not in known
    }
    raised = {token_id: _raised(token) for token_id, token in known.items() if token.content in special}
    return listed | raised


def _token(entry: Mapping[str, Any], special: set[str]) -> AddedToken:
    content = entry["content"]
    return AddedToken(content, special=entry.get("special", False) or content in special, **_flags(entry))


def _raised(token: AddedToken) -> AddedToken:
    """A token of tokenizer.json that the settings name as special, whatever tokenizer.json says."""
    flags = {flag: getattr(token, flag) for flag in _FLAGS}
    return AddedToken(token.content, special=True, **flags)


def _flags(entry: Any) -> dict[str, bool]:  # noqa: ANN401 -- any JSON value
    return {} if not isinstance(entry, dict) else {flag: entry[flag] for flag in _FLAGS if flag in entry}
