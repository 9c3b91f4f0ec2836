"""What the graph of a masked LM takes and gives."""

from __future__ import annotations

import onnxruntime as ort

from fillmask.errors import ArtifactError

_KNOWN_INPUTS = {"input_ids", "attention_mask", "token_type_ids", "mask_positions"}
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
    return inputs


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
