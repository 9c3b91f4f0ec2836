"""Load a transformers checkpoint, or refuse it with the reason.

transformers loads a masked LM without its head silently: it draws the head at random, and every prediction is random.
Weights in a pickle can run code while they load. Both are refused here, before anything is exported.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForMaskedLM, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

from fillmask.artifact.manifest import MANIFEST
from fillmask.errors import first_line
from fillmask_export.checkpoint_files import find_commit, refuse_links, refuse_names
from fillmask_export.checkpoint_tokenizer import load_tokenizer
from fillmask_export.config_keys import refuse_unknown_keys
from fillmask_export.errors import CheckpointError
from fillmask_export.missing_weights import used_weights
from fillmask_export.quiet import quiet

# Models whose logits in PyTorch are not those of the trained model, so that there is nothing to compare with.
_REFUSED = {
    "mra": "its attention is a CUDA kernel, and without one transformers takes zeros for its output",
    "reformer": "its attention draws random numbers, and each run gives other logits",
}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A masked LM in PyTorch.

    Attributes:
        source: Name of the folder, or hub id.
        revision: The hub commit, 40 hex digits; None for a folder.
        model: The model in evaluation mode, in fp32, with eager attention.
        tokenizer: Of transformers, with a mask token; fast, or with an exact ``fast_version``.
    """

    source: str
    revision: str | None
    model: PreTrainedModel
    tokenizer: Any

    @property
    def architecture(self) -> str:
        """The model's class, such as ``"BertForMaskedLM"``."""
        return type(self.model).__name__


def open_checkpoint(checkpoint: str | Path, *, revision: str | None = None, allow_pickle: bool = False) -> Checkpoint:
    """Load a checkpoint.

    Args:
        checkpoint: A folder or a hub id.
        revision: Branch, tag or commit of a hub checkpoint.
        allow_pickle: Read ``pytorch_model.bin`` where there is no ``model.safetensors``; tensors only, through
            ``torch.load(weights_only=True)``.

    Raises:
        CheckpointError: The checkpoint does not exist, leads to files elsewhere, has no masked-LM head, no mask token,
            no fast tokenizer, or code of its own; or its weights are pickled and ``allow_pickle`` is not set.
    """
    commit = find_commit(checkpoint, revision)
    revision = commit or revision  # all files are of one commit, also if the branch moves meanwhile
    _refuse_no_weights(checkpoint, allow_pickle)
    config = _load(AutoConfig, checkpoint, revision)
    refuse_names(checkpoint, revision)
    _refuse_remote_code(config, checkpoint)
    _refuse_architecture(config, checkpoint)
    refuse_unknown_keys(config, checkpoint)
    tokenizer = load_tokenizer(checkpoint, revision)
    model = _load_model(checkpoint, revision, config, allow_pickle=allow_pickle)
    name = Path(checkpoint).name if Path(checkpoint).is_dir() else str(checkpoint)
    return Checkpoint(name, commit, model, tokenizer)


def _load(factory: Any, checkpoint: str | Path, revision: str | None, **options: Any) -> Any:  # noqa: ANN401
    """Call a transformers factory, without permission to run a repository's code."""
    try:
        return factory.from_pretrained(str(checkpoint), revision=revision, trust_remote_code=False, **options)
    except Exception as error:  # the exceptions of transformers, safetensors and tokenizers have no common base
        raise CheckpointError(f"{checkpoint} cannot be loaded by {factory.__name__}: {first_line(error)}") from error


def _load_model(checkpoint: str | Path, revision: str | None, config: Any, *, allow_pickle: bool) -> PreTrainedModel:  # noqa: ANN401
    options = {"config": config, "attn_implementation": "eager", "dtype": torch.float32, "output_loading_info": True}
    if not allow_pickle:
        options["use_safetensors"] = True
    try:
        with quiet():
            model, report = _load(AutoModelForMaskedLM, checkpoint, revision, **options)
    except CheckpointError as error:
        if allow_pickle or "safetensors" not in str(error):
            raise
        raise CheckpointError(
            f"{error} If it has its weights as a pickle, which can run code when it is loaded, and you trust its "
            f"origin, pass allow_pickle=True (--allow-pickle), which reads tensors only"
        ) from error
    model.eval()
    mismatched = [key for key, *_ in report["mismatched_keys"]]
    missing = sorted([*used_weights(model, sorted(report["missing_keys"])), *mismatched])
    if missing:
        raise CheckpointError(
            f"{checkpoint} lacks {len(missing)} weights of {type(model).__name__}, {missing[0]} for one; they would "
            f"be random, and so would every prediction. A masked LM needs its masked-LM head: add one with `fillmask "
            f"train`, or take the checkpoint that has it (of ELECTRA the generator)"
        )
    return model


def _refuse_no_weights(checkpoint: str | Path, allow_pickle: bool) -> None:
    folder = Path(checkpoint)
    if not folder.is_dir():
        return
    refuse_links(folder)
    if not (folder / "config.json").exists():
        raise CheckpointError(f"{folder} holds no config.json; a checkpoint is what save_pretrained writes")
    if list(folder.glob("model*.safetensors")):
        return
    if (folder / MANIFEST).is_file():
        raise CheckpointError(f"{folder} is an exported model folder; export the checkpoint that it was made from")
    if not list(folder.glob("pytorch_model*.bin")):
        raise CheckpointError(f"{folder} holds no weights: neither model.safetensors nor pytorch_model.bin")
    if not allow_pickle:
        raise CheckpointError(
            f"{folder} holds its weights as a pickle, pytorch_model.bin, which can run code when it is loaded; if you "
            f"trust its origin pass allow_pickle=True (--allow-pickle), which reads tensors only"
        )


def _refuse_remote_code(config: Any, checkpoint: str | Path) -> None:  # noqa: ANN401
    if getattr(config, "auto_map", None):
        raise CheckpointError(f"{checkpoint} brings code of its own (auto_map in config.json), which is never run")


def _refuse_architecture(config: Any, checkpoint: str | Path) -> None:  # noqa: ANN401
    if config.model_type not in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        raise CheckpointError(
            f"{checkpoint} is of type {config.model_type}, which transformers gives no masked-LM head; it gives one to "
            f"{', '.join(sorted(MODEL_FOR_MASKED_LM_MAPPING_NAMES.keys() - _REFUSED))}"
        )
    if config.model_type in _REFUSED:
        raise CheckpointError(f"{checkpoint} is of type {config.model_type}: {_REFUSED[config.model_type]}")
