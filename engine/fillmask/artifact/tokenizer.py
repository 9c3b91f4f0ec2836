"""A model's tokenizer and its settings, read as transformers reads them.

transformers spreads the settings over five files, which docs/model-folders.md lists. These settings change a
prediction: which token is the mask, which one pads, how many tokens the model takes, and whether decoded text is
cleaned up.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar, cast

from tokenizers import Tokenizer
from tokenizers.models import BPE

from fillmask.artifact.added_tokens import add_tokens, content_of
from fillmask.artifact.at_signs import AtSigns
from fillmask.artifact.folder import Artifact
from fillmask.artifact.japanese_words import set_words
from fillmask.artifact.tokenizer_classes import TokenizerClass, tokenizer_class
from fillmask.artifact.tokenizer_overrides import override
from fillmask.errors import ArtifactError, TextError, first_line

T = TypeVar("T")

# Without a limit model_max_length is 1e30.
_NO_LIMIT = 10**9
# Their positions start at pad_token_id + 1, so a position table of 514 rows has 512 usable positions.
_OFFSET_POSITIONS = {
    "camembert", "data2vec-text", "esm", "ibert", "longformer", "luke", "mpnet", "roberta", "roberta-prelayernorm",
    "xlm-roberta", "xlm-roberta-xl", "xmod",
}  # fmt: skip
# Their positions are rotary or relative, and computed: whatever max_position_embeddings says, they do not end.
_COMPUTED_POSITIONS = {
    "esmc", "eurobert", "funnel", "gte", "jina_embeddings_v3", "modernbert", "modernvbert", "neobert", "neomme",
    "nomic_bert", "ultrabert", "ultravbert",
}  # fmt: skip


class ModelTokenizer(NamedTuple):
    """A tokenizer and the settings that the other steps need.

    Attributes:
        tokenizer: Never truncates, never pads.
        mask_token: The mask as text, ``"[MASK]"`` or ``"<mask>"``.
        mask_token_id: The mask as a token.
        pad_token_id: The padding token, or None if the model has none.
        max_length: Tokens that the model takes, special tokens included.
        clean_up: Whether decoding removes the spaces before punctuation.
        truncation_side: ``"left"`` if truncation removes the beginning of a text.
        table_size: Rows of the model's table of tokens, by config.json; None where it does not say.
        gives_token_types: Whether the model gets the token types of the tokenizer's template.
        unk_token_id: The token for what the vocabulary lacks, or None if there is none.
    """

    tokenizer: Tokenizer
    mask_token: str
    mask_token_id: int
    pad_token_id: int | None
    max_length: int
    clean_up: bool
    truncation_side: str
    table_size: int | None
    gives_token_types: bool
    unk_token_id: int | None = None


def open_tokenizer(artifact: Artifact) -> ModelTokenizer:
    """Read a model folder's tokenizer.

    Raises:
        ArtifactError: A file is missing or broken, or the tokenizer defines no mask token.
    """
    try:
        return _read(artifact, _settings(artifact), artifact.read_json("config.json"))
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        if isinstance(error, ArtifactError):
            raise
        files = "tokenizer_config.json, special_tokens_map.json, added_tokens.json or config.json"
        raise ArtifactError(f"{artifact.folder}: a setting in {files} has the wrong type: {error}") from error


def _settings(artifact: Artifact) -> dict[str, Any]:
    """``tokenizer_config.json``; ``special_tokens_map.json`` counts, and comes first, without added_tokens_decoder."""
    settings = artifact.read_json("tokenizer_config.json")
    named = artifact.read_json("special_tokens_map.json")  # also where it does not count: its hash must be right
    if "added_tokens_decoder" in settings:
        return settings
    key = "additional_special_tokens"
    listed = [*(settings.get(key) or []), *(named.get(key) or [])]
    return settings | named | ({key: listed} if listed else {})


def _read(artifact: Artifact, settings: Mapping[str, Any], config: Mapping[str, Any]) -> ModelTokenizer:
    known = tokenizer_class(settings, config)
    _refuse_code(artifact, known)
    tokenizer = _parse_tokenizer(artifact)
    # Where no setting names them, tokenizer.json's own padding and truncation do.
    padding, truncation = tokenizer.padding or {}, tokenizer.truncation or {}
    stored = {"pad_token": padding.get("pad_token"), "truncation_side": truncation.get("direction", "right")}
    names = ["token_type_ids"] if known.token_types else []
    of_class = {"additional_special_tokens": known.additional, "model_input_names": names, **known.tokens}
    settings = {**stored, **of_class, **settings}
    # As set in the file, these would cut or pad every text; transformers resets them on each call.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    # In this order: an added token that is normalized is normalized as tokenizer.json says, not as the settings do.
    add_tokens(tokenizer, settings, artifact.read_json("added_tokens.json"))
    override(tokenizer, settings, known)
    set_words(tokenizer, settings.get("japanese_words"))
    mask_token = content_of(settings.get("mask_token"))
    mask_token_id = None if mask_token is None else tokenizer.token_to_id(mask_token)
    if mask_token is None or mask_token_id is None:
        raise ArtifactError(f"The tokenizer does not define a `mask_token`. ({artifact.folder})")
    pad_token = content_of(settings["pad_token"])
    unk_token = content_of(settings.get("unk_token")) or getattr(tokenizer.model, "unk_token", None)
    return ModelTokenizer(
        tokenizer=_with_at_signs(tokenizer, settings, unk_token),
        mask_token=mask_token,
        mask_token_id=mask_token_id,
        pad_token_id=None if pad_token is None else tokenizer.token_to_id(pad_token),
        max_length=max_length(settings, config),
        clean_up=_cleans_up(tokenizer, settings),
        truncation_side=_side(settings["truncation_side"]),
        table_size=vocab_size if isinstance(vocab_size := config.get("vocab_size"), int) else None,
        gives_token_types="token_type_ids" in settings["model_input_names"],
        unk_token_id=None if unk_token is None else tokenizer.token_to_id(unk_token),
    )


def _refuse_code(artifact: Artifact, known: TokenizerClass) -> None:
    if known.splitter is not None:
        raise ArtifactError(
            f"{artifact.folder}: transformers splits texts for this tokenizer with {known.splitter}, which "
            f"tokenizer.json cannot hold; if the model has another, name its class in tokenizer_config.json"
        )


def _with_at_signs(tokenizer: Tokenizer, settings: Mapping[str, Any], unk_token: str | None) -> Tokenizer:
    size = settings.get("at_sign_tokens")
    if size is None:
        return tokenizer
    unk_token_id = None if unk_token is None else tokenizer.token_to_id(unk_token)
    if not isinstance(size, int) or unk_token_id is None:
        raise TypeError(f"at_sign_tokens must be a whole number, and needs an unk_token, got {size!r} and {unk_token}")
    return cast("Tokenizer", AtSigns(tokenizer, size, unk_token_id))


def _cleans_up(tokenizer: Tokenizer, settings: Mapping[str, Any]) -> bool:
    """Whether decoding removes the spaces before punctuation; as transformers 5, not from texts of BPE."""
    forced = settings.get("clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output", False)
    wanted = bool(settings.get("clean_up_tokenization_spaces", False))
    return wanted and (bool(forced) or not isinstance(tokenizer.model, BPE))


def max_length(settings: Mapping[str, Any], config: Mapping[str, Any]) -> int:
    """Tokens that a model takes: the tokenizer's limit, at most the rows of its position table.

    Args:
        settings: ``tokenizer_config.json``.
        config: ``config.json``.
    """
    given = settings.get("model_max_length")
    if isinstance(given, bool) or (isinstance(given, float) and int(min(given, _NO_LIMIT)) != min(given, _NO_LIMIT)):
        raise TypeError(f"model_max_length must be a whole number, got {given!r}")
    limit = min(given or _NO_LIMIT, _NO_LIMIT)
    if limit < 1:  # as transformers, which does not cut a text for fill-mask
        limit = _NO_LIMIT
    positions = config.get("max_position_embeddings")
    if not positions or positions < 0 or not _positions_end(config):
        return int(limit)
    if config.get("model_type") in _OFFSET_POSITIONS:
        positions -= (config.get("pad_token_id") or 0) + 1
    return int(min(limit, positions))


def _side(side: object) -> str:
    if side not in ("left", "right"):
        raise ValueError(f"truncation_side must be 'left' or 'right', got {side!r}")
    return str(side)


def _positions_end(config: Mapping[str, Any]) -> bool:
    """Whether positions are looked up in a table, which ends; rotary and relative positions do not."""
    model_type = config.get("model_type")
    if model_type == "esm":
        return bool(config.get("position_embedding_type") != "rotary")
    if model_type in ("deberta", "deberta-v2"):
        return bool(config.get("position_biased_input", True))
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}  # its name since 5, and before
    return model_type not in _COMPUTED_POSITIONS or _is_dynamic(rope)


def _is_dynamic(rope: Mapping[str, Any]) -> bool:
    """Whether frequencies change with the length of a text beyond ``max_position_embeddings``, which no graph computes.

    Args:
        rope: The parameters of rotary positions, of all layers or by the type of a layer.
    """
    parts = [rope, *(part for part in rope.values() if isinstance(part, Mapping))]
    return any(part.get("rope_type", part.get("type")) == "dynamic" for part in parts)


def _parse_tokenizer(artifact: Artifact) -> Tokenizer:
    _require_file(artifact)
    content = artifact.read("tokenizer.json")
    try:
        tokenizer = Tokenizer.from_buffer(content.removeprefix(BOM_UTF8))
    except BaseException as error:
        if not is_failure(error):
            raise
        raise ArtifactError(f"{artifact.folder / 'tokenizer.json'} is not a tokenizer: {error}") from error
    return tokenizer


def _require_file(artifact: Artifact) -> None:
    """Say what to do where nothing lists the file that is missing; a link to no file is another error."""
    path = artifact.folder / "tokenizer.json"
    if not artifact.manifest and not path.exists() and not path.is_symlink():
        raise ArtifactError(
            f"{artifact.folder} has no tokenizer.json, which the engine needs; `fillmask export` of its checkpoint "
            f"writes one, and so does transformers: AutoTokenizer.from_pretrained(CHECKPOINT).save_pretrained(FOLDER)"
        )


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
