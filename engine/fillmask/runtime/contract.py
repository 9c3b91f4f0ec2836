"""What the graph of a masked LM takes and gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import onnxruntime as ort

from fillmask.errors import ArtifactError

_KNOWN_INPUTS = {"input_ids", "attention_mask", "token_type_ids", "mask_positions"}
# Outputs of an encoder without a masked-LM head, by the names that exporters give them.
_HIDDEN = {"encoder_hidden_states", "hidden_states", "last_hidden_state", "sentence_embedding", "token_embeddings"}
_DTYPES = ("tensor(int64)", "tensor(int32)")


def check_inputs(session: ort.InferenceSession) -> dict[str, str]:
    """Give the type of each of a graph's inputs.

    Raises:
        ArtifactError: They are not the inputs of a masked LM.
    """
    inputs: dict[str, str] = {node.name: node.type for node in session.get_inputs()}
    unknown = inputs.keys() - _KNOWN_INPUTS
    if unknown or "input_ids" not in inputs:
        raise ArtifactError(
            f"the graph takes {', '.join(inputs)}; a masked LM takes input_ids and may take "
            f"{', '.join(sorted(_KNOWN_INPUTS - {'input_ids'}))}"
        )
    for name, dtype in inputs.items():
        if dtype not in _DTYPES:
            raise ArtifactError(f"the graph takes {name} as {dtype}, not as one of {', '.join(_DTYPES)}")
    for node in session.get_inputs():
        _check_axes(node.name, node.shape)
    return inputs


def _check_axes(name: str, shape: Sequence[object]) -> None:
    """Refuse an input that texts of any length, one at a time, do not fit."""
    if not shape:  # not declared
        return
    several = isinstance(shape[0], int) and shape[0] != 1
    if len(shape) != 2 or several or isinstance(shape[1], int):
        raise ArtifactError(
            f"the graph takes {name} of the fixed shape {list(shape)}, and texts have any length; export it with "
            f"dynamic axes [b, s]"
        )


def check_output(session: ort.InferenceSession) -> tuple[str, object]:
    """Give the name of a graph's logits, and their last axis as declared: a number, or the name of a free axis.

    Raises:
        ArtifactError: There are no logits of three axes.
    """
    outputs = {node.name: node.shape for node in session.get_outputs()}
    name = "logits" if "logits" in outputs else next(iter(outputs))
    if len(outputs[name]) != 3:
        raise ArtifactError(f"the graph gives {name} with {len(outputs[name])} axes; a masked LM gives logits[b, s, V]")
    return name, outputs[name][-1]


def check_head(output: str, size: int, config: Mapping[str, Any], tokens: int) -> None:
    """Refuse the output of a graph from elsewhere that is not the logits of a masked-LM head.

    ``logits`` may be more or fewer than the vocabulary: rows are padded, and tokens are added. An output of another
    name is taken for logits by its size.

    Args:
        output: Its name.
        size: Its last axis.
        config: ``config.json``.
        tokens: Tokens of the tokenizer, added ones excluded.

    Raises:
        ArtifactError: The output is hidden states, or the labels of a classifier.
    """
    vocab_size, labels = config.get("vocab_size"), config.get("id2label")
    if output == "logits":
        foreign = isinstance(labels, dict) and size == len(labels) != vocab_size
    else:
        expected = size == vocab_size if isinstance(vocab_size, int) else size >= tokens
        foreign = output in _HIDDEN or not expected
    if foreign:
        raise ArtifactError(
            f"the graph has no masked-LM head: it gives {output} with {size} numbers a token, and the vocabulary has "
            f"{vocab_size or tokens} tokens; export the model for the task fill-mask"
        )
