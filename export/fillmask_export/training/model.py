"""The trained model: an encoder with a masked-LM head, which runs at the selected tokens only."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer, PreTrainedModel

from fillmask.artifact.manifest import MANIFEST
from fillmask.artifact.tokenizer import max_length
from fillmask.errors import first_line
from fillmask_export import masked_head
from fillmask_export.checkpoint_files import find_commit, refuse_links, refuse_names
from fillmask_export.errors import CheckpointError
from fillmask_export.quiet import quiet
from fillmask_export.training.batch import Batch
from fillmask_export.training.errors import TrainingError
from fillmask_export.training.recipe import Recipe

# PyTorch's fused attention takes 1.6 times as long at 64 tokens and 0.6 at 512; most sequences are short.
_CPU_ATTENTION = "eager"
_WEIGHT_DECAY = 0.01  # for matrices


def open_encoder(
    source: str, device: torch.device, revision: str | None = None
) -> tuple[PreTrainedModel, Any, list[str]]:
    """Load an encoder or a masked LM for training.

    The model is in evaluation mode, without dropout. A model that reads each text only a few times does not memorize
    it, and dropout would slow down learning.

    Args:
        source: A folder or a hub id.
        device: The device of the model.
        revision: Branch, tag or commit of a hub encoder.

    Returns:
        The model in fp32, its tokenizer, and the names of the head's parameters that were missing and are random.

    Raises:
        TrainingError: It cannot be loaded, or is not an encoder for a masked-LM head.
    """
    _refuse(source, revision)
    if (Path(source) / MANIFEST).is_file():
        raise TrainingError(f"{source} is an exported model folder; train the checkpoint that it was made from")
    config = _load(AutoConfig, source, revision=revision)
    tokenizer = _load(AutoTokenizer, source, revision=revision, use_fast=True)
    if not tokenizer.is_fast or tokenizer.mask_token is None:
        raise TrainingError(f"{source} has no fast tokenizer with a mask token; masked-LM training needs both")
    model, report = _load_model(source, config, device, revision)
    if "attention_mask" not in signature(model.forward).parameters:
        raise TrainingError(f"{source} takes no attention_mask, so that padding would change what it learns")
    missing = sorted(report["missing_keys"])
    body = [key for key in missing if key.startswith(f"{model.base_model_prefix}.")]
    if body:
        raise TrainingError(f"{source} lacks {len(body)} weights of the encoder itself, {body[0]} for one")
    return model.eval().to(device), tokenizer, missing


def _refuse(source: str, revision: str | None) -> None:
    """Refuse files that lead out of the encoder's folder."""
    try:
        find_commit(source, revision)
        if Path(source).is_dir():
            refuse_links(Path(source))
        refuse_names(source, revision)
    except CheckpointError as error:
        raise TrainingError(str(error)) from error


def _load_model(
    source: str,
    config: Any,  # noqa: ANN401
    device: torch.device,
    revision: str | None,
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """The model and transformers' loading report, without transformers' own warnings."""
    with quiet():
        model, report = _load(
            AutoModelForMaskedLM,
            source,
            revision=revision,
            config=config,
            dtype=torch.float32,
            attn_implementation=_CPU_ATTENTION if device.type == "cpu" else None,
            use_safetensors=True,
            output_loading_info=True,
        )
    return model, report


def _load(factory: Any, source: str, **options: Any) -> Any:  # noqa: ANN401
    """Call a transformers factory, without permission to run a repository's code."""
    try:
        return factory.from_pretrained(source, trust_remote_code=False, **options)
    except Exception as error:  # the exceptions of transformers, safetensors and tokenizers have no common base
        raise TrainingError(f"{source} cannot be loaded by {factory.__name__}: {first_line(error)}") from error


def choose_device(recipe: Recipe) -> torch.device:
    """The recipe's device, else a GPU where there is one.

    Raises:
        TrainingError: PyTorch does not know the device, or it is not there.
    """
    name = recipe.device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (AssertionError, NotImplementedError, RuntimeError) as error:
        raise TrainingError(f"device {name!r} cannot be used: {first_line(error)}") from error
    return device


def longest(model: PreTrainedModel, tokenizer: Any, wanted: int) -> int:  # noqa: ANN401
    """Tokens of the longest sequence, special tokens included: the wanted number, or what the model takes."""
    return min(wanted, max_length({"model_max_length": tokenizer.model_max_length}, model.config.to_dict()))


def logits_at(model: PreTrainedModel, batch: Batch, precision: str = "fp32") -> Tensor:
    """The logits of the selected tokens. The head, a third of the work, does not run for the others.

    In bf16 the model runs with copies of its weights in bf16, so that all between two products is in bf16 too. With
    autocast alone normalizations are in fp32, and so is what follows them: a step takes 1.4 times as long (MiniLM, two
    cores of an Intel CPU with AMX). Gradients reach the weights in fp32.

    Args:
        model: A masked LM with a tokenwise head.
        batch: A batch with n selected tokens.
        precision: ``"fp32"`` or ``"bf16"``.

    Returns:
        ``float[n, V]``.
    """
    half = precision == "bf16"
    weights = {name: weight.bfloat16() for name, weight in model.named_parameters()} if half else None
    with torch.autocast(model.device.type, torch.bfloat16, enabled=half):
        logits = masked_head.logits_at(
            model, batch.input_ids, batch.attention_mask, batch.selected, batch.head_rows, weights=weights
        )
    return logits[: len(batch.labels)]


def make_optimizer(model: PreTrainedModel, new: list[str], recipe: Recipe) -> torch.optim.AdamW:
    """AdamW; the schedule scales ``peak`` of each group.

    Args:
        model: The trained model.
        new: Names of the parameters that start at random.
        recipe: Has the learning rates.
    """
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        groups.setdefault((name in new, parameter.ndim > 1), []).append(parameter)
    settings = [
        {
            "params": parameters,
            "peak": recipe.head_learning_rate if is_new else recipe.learning_rate,
            "weight_decay": _WEIGHT_DECAY if is_matrix else 0.0,
        }
        for (is_new, is_matrix), parameters in groups.items()
    ]
    return torch.optim.AdamW(settings, betas=(0.9, 0.98), eps=1e-6, fused=True)
