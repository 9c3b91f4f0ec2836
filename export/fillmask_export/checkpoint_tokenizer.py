"""Load a checkpoint's tokenizer, or refuse it with the reason."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, EsmTokenizer, PreTrainedTokenizerFast
from transformers.models.auto.tokenization_auto import get_tokenizer_config, tokenizer_class_from_name

from fillmask.errors import first_line
from fillmask.extras import lacks
from fillmask_export.errors import CheckpointError
from fillmask_export.esm import fast_esm
from fillmask_export.python_tokenizers import fast_version

# In transformers' errors about packages of the extra `japanese`.
_WITHOUT_MECAB = ("to use MecabTokenizer", "ipadic dictionary is not", "unidic_lite dictionary is not")
# Characters that few vocabularies have: a tokenizer without an unknown token fails on them.
_RARE = "\u16a0 \U00013000 \u0f00x"


def load_tokenizer(checkpoint: str | Path, revision: str | None) -> Any:  # noqa: ANN401
    """Load a tokenizer with a mask token that is fast, or has an exact ``fast_version``.

    Raises:
        CheckpointError: There is none, or transformers cannot make one of the checkpoint's files.
    """
    try:
        tokenizer = _load(checkpoint, revision)
    except Exception as error:  # the exceptions of transformers and tokenizers have no common base
        raise CheckpointError(
            f"{checkpoint} cannot be loaded by AutoTokenizer: {first_line(error).rstrip('.')}{_hint(checkpoint, error)}"
        ) from error
    if isinstance(tokenizer, EsmTokenizer):
        tokenizer = fast_esm(tokenizer)
    _refuse(_fast(tokenizer, checkpoint), checkpoint)
    _refuse_failing(tokenizer, checkpoint)
    _refuse_token_types(tokenizer, checkpoint)
    return tokenizer


def _load(checkpoint: str | Path, revision: str | None) -> Any:  # noqa: ANN401
    """Call AutoTokenizer, without permission to run a repository's code; files of transformers 5 are read too."""
    settings = get_tokenizer_config(str(checkpoint), revision=revision)
    extra = settings.get("extra_special_tokens")
    options = {"extra_special_tokens": {}, "additional_special_tokens": extra} if isinstance(extra, list) else {}
    factory = AutoTokenizer if _is_known(settings) else PreTrainedTokenizerFast
    return factory.from_pretrained(str(checkpoint), revision=revision, trust_remote_code=False, **options)


def _is_known(settings: dict[str, Any]) -> bool:
    """Whether the installed transformers has the tokenizer's class, or finds one without its name.

    Of a class that it does not have, such as ``TokenizersBackend`` of transformers 5, tokenizer.json is all there is.
    """
    name = settings.get("tokenizer_class")
    if not isinstance(name, str) or "auto_map" in settings:
        return True
    return any(tokenizer_class_from_name(each) is not None for each in (name, f"{name}Fast"))


def _hint(checkpoint: str | Path, error: Exception) -> str:
    """What to install: for Japanese words, or for a vocabulary in a form that transformers has to convert."""
    if any(words in str(error) for words in _WITHOUT_MECAB):
        return f". {lacks('MeCab', 'fugashi with a dictionary', 'japanese')}"
    missing = [name for name in ("sentencepiece", "tiktoken") if find_spec(name) is None]
    folder = Path(checkpoint)
    if not missing or not folder.is_dir() or (folder / "tokenizer.json").exists() or not list(folder.glob("*.model")):
        return ""
    return f". It has no tokenizer.json, and its vocabulary is converted by a package that is missing: pip install " \
           f"{' '.join(missing)}"  # fmt: skip


def _fast(tokenizer: Any, checkpoint: str | Path) -> Any:  # noqa: ANN401
    try:
        return fast_version(tokenizer)
    except CheckpointError as error:
        raise CheckpointError(f"{checkpoint}: {error}") from error


def _refuse(tokenizer: Any, checkpoint: str | Path) -> None:  # noqa: ANN401
    if tokenizer.mask_token is None:
        raise CheckpointError(f"{checkpoint}: the tokenizer defines no mask token, so this is not a masked LM")
    if tokenizer.get_vocab().keys() <= set(tokenizer.all_special_tokens):  # transformers 5 makes one of no file
        raise CheckpointError(
            f"{checkpoint} has no vocabulary: its tokenizer knows special tokens alone; copy tokenizer.json from where "
            f"the checkpoint comes from"
        )
    try:
        tokenizer.backend_tokenizer.to_str()
    except Exception as error:  # the Rust library raises Exception itself
        raise CheckpointError(
            f"{checkpoint}: {type(tokenizer).__name__} has a part that is code, which tokenizer.json cannot hold: "
            f"{error}"
        ) from error


def _refuse_failing(tokenizer: Any, checkpoint: str | Path) -> None:  # noqa: ANN401
    """Refuse a tokenizer that fails on text its vocabulary lacks, rather than fail on a text of the verification."""
    try:
        tokenizer(_RARE)
    except Exception as error:  # the Rust library raises Exception itself
        raise CheckpointError(
            f"{checkpoint}: the tokenizer fails on text that its vocabulary lacks: {first_line(error)}; its model "
            f"needs an unknown token that is in the vocabulary"
        ) from error


def _refuse_token_types(tokenizer: Any, checkpoint: str | Path) -> None:  # noqa: ANN401
    types = tokenizer(tokenizer.mask_token).get("token_type_ids", [])
    if any(types):
        raise CheckpointError(
            f"{checkpoint}: the tokenizer gives one text the token types {types}, and an export has type 0 only; use "
            f"a graph that takes token_type_ids, as optimum exports it, which the engine feeds with these types"
        )
