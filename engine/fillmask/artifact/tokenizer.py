"""A model's tokenizer and its settings, read as transformers reads them.

transformers spreads the settings over four files. These change a prediction: which token is the mask, which one pads,
how many tokens the model takes, and whether decoded text is cleaned up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tokenizers import AddedToken, Tokenizer

from fillmask.artifact.folder import Artifact
from fillmask.artifact.tokenizer_defaults import default_tokens, override
from fillmask.errors import ArtifactError, TextError, first_line

T = TypeVar("T")

# Without a limit model_max_length is 1e30.
_NO_LIMIT = 10**9
_SPECIAL = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
# Their positions start at pad_token_id + 1, so a position table of 514 rows has 512 usable positions.
_OFFSET_POSITIONS = {
    "camembert", "data2vec-text", "esm", "ibert", "longformer", "luke", "mpnet", "roberta", "roberta-prelayernorm",
    "xlm-roberta", "xlm-roberta-xl", "xmod",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ModelTokenizer:
    """A tokenizer and the settings that the other steps need.

    Attributes:
        tokenizer: Never truncates, never pads.
        mask_token: The mask as text, ``"[MASK]"`` or ``"<mask>"``.
        mask_token_id: The mask as a token.
        pad_token_id: The padding token, or None if the model has none.
        max_length: Tokens that the model takes, special tokens included.
        clean_up: Whether decoding removes the spaces before punctuation.
        truncation_side: ``"left"`` if truncation removes the beginning of a text.
        unk_token_id: The token for what the vocabulary lacks, or None if there is none.
    """

    tokenizer: Tokenizer
    mask_token: str
    mask_token_id: int
    pad_token_id: int | None
    max_length: int
    clean_up: bool
    truncation_side: str
    unk_token_id: int | None = None


def open_tokenizer(artifact: Artifact) -> ModelTokenizer:
    """Read a model folder's tokenizer.

    Raises:
        ArtifactError: A file is missing or broken, or the tokenizer defines no mask token.
    """
    settings = artifact.read_json("special_tokens_map.json") | artifact.read_json("tokenizer_config.json")
    config = artifact.read_json("config.json")
    try:
        return _read(artifact, settings, config)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, ArtifactError):
            raise
        files = "tokenizer_config.json, special_tokens_map.json or config.json"
        raise ArtifactError(f"{artifact.folder}: a setting in {files} has the wrong type: {error}") from error


def _read(artifact: Artifact, settings: Mapping[str, Any], config: Mapping[str, Any]) -> ModelTokenizer:
    settings = {**default_tokens(settings, config), **settings}
    tokenizer = _parse_tokenizer(artifact)
    override(tokenizer, settings, config)
    _add_tokens(tokenizer, settings)
    mask_token = _content(settings.get("mask_token"))
    mask_token_id = None if mask_token is None else tokenizer.token_to_id(mask_token)
    if mask_token is None or mask_token_id is None:
        raise ArtifactError(f"The tokenizer does not define a `mask_token`. ({artifact.folder})")
    pad_token = _content(settings.get("pad_token"))
    unk_token = _content(settings.get("unk_token")) or getattr(tokenizer.model, "unk_token", None)
    return ModelTokenizer(
        tokenizer=tokenizer,
        mask_token=mask_token,
        mask_token_id=mask_token_id,
        pad_token_id=None if pad_token is None else tokenizer.token_to_id(pad_token),
        max_length=max_length(settings, config),
        clean_up=bool(settings.get("clean_up_tokenization_spaces", False)),
        truncation_side=settings.get("truncation_side", "right"),
        unk_token_id=None if unk_token is None else tokenizer.token_to_id(unk_token),
    )


def max_length(settings: Mapping[str, Any], config: Mapping[str, Any]) -> int:
    """Tokens that a model takes: the tokenizer's limit, at most the rows of its position table.

    Args:
        settings: ``tokenizer_config.json``.
        config: ``config.json``.
    """
    limit = min(settings.get("model_max_length") or _NO_LIMIT, _NO_LIMIT)
    positions = config.get("max_position_embeddings")
    if not positions or positions < 0:
        return int(limit)
    if config.get("model_type") in _OFFSET_POSITIONS:
        positions -= (config.get("pad_token_id") or 0) + 1
    return int(min(limit, positions))


def _parse_tokenizer(artifact: Artifact) -> Tokenizer:
    content = artifact.read("tokenizer.json")
    try:
        tokenizer = Tokenizer.from_buffer(content)
    except BaseException as error:
        if not is_failure(error):
            raise
        raise ArtifactError(f"{artifact.folder / 'tokenizer.json'} is not a tokenizer: {error}") from error
    # As set in the file, these would cut or pad every text; transformers resets them on each call.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def is_failure(error: BaseException) -> bool:
    """Whether an error is a failure of the tokenizer, rather than a signal to end the process.

    A panic of the Rust library derives from BaseException, and its class cannot be imported.
    """
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def reported(tokenize: Callable[[str], T], text: str) -> T:
    """Tokenize a text.

    Raises:
        TextError: The tokenizer fails on it, in whatever way.
    """
    try:
        return tokenize(text)
    except BaseException as error:
        if not is_failure(error):
            raise
        raise TextError(f"the tokenizer fails on the text: {first_line(error)}") from error


def _add_tokens(tokenizer: Tokenizer, settings: Mapping[str, Any]) -> None:
    """Add tokens that the settings list and tokenizer.json lacks or has with other flags, as transformers does."""
    known = tokenizer.get_added_tokens_decoder()
    for token_id, entry in sorted((int(key), entry) for key, entry in settings.get("added_tokens_decoder", {}).items()):
        token = AddedToken(entry["content"], special=entry.get("special", False), **_flags(entry))
        if known.get(token_id) != token:
            (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    added = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    special = [settings.get(f"{name}_token") for name in _SPECIAL] + (settings.get("additional_special_tokens") or [])
    for entry in special:
        if (content := _content(entry)) is not None and content not in added:
            tokenizer.add_special_tokens([AddedToken(content, special=True, **_flags(entry))])


def _flags(entry: Any) -> dict[str, bool]:  # noqa: ANN401 -- any JSON value
    flags = ("lstrip", "rstrip", "normalized", "single_word")
    return {} if not isinstance(entry, dict) else {flag: entry[flag] for flag in flags if flag in entry}


def _content(token: Any) -> str | None:  # noqa: ANN401 -- any JSON value
    """The text of a token, which the settings give as a string or as an object."""
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) else None
