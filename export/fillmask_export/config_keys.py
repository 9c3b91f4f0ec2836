"""Keys of a config.json that the installed transformers does not know and that change the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import transformers

from fillmask_export.errors import CheckpointError

# transformers 5 writes them where 4.57 has other keys: rotary positions, and the attention of each layer.
_NEWER = ("layer_types", "rope_parameters")


def refuse_unknown_keys(config: Any, checkpoint: str | Path) -> None:  # noqa: ANN401
    """Refuse a configuration that the installed transformers would misread silently, naming the keys.

    The verification cannot find it, since it compares with the same misread model.

    Args:
        config: As transformers reads it, which keeps keys that it does not know.
        checkpoint: Its folder or hub id, for the error.

    Raises:
        CheckpointError: config.json has keys of a newer transformers with other values than this one takes.
    """
    written, understood = config.to_dict(), type(config)().to_dict()
    unknown = [key for key in _NEWER if key in written and key not in understood]
    if unknown and not _is_default(config, written, unknown):
        raise CheckpointError(
            f"{checkpoint}: config.json, saved by a newer version, has {' and '.join(unknown)}, which the installed "
            f"transformers {transformers.__version__} ignores; the model would be another. Write the keys that this "
            f"version reads, such as global_rope_theta of ModernBERT"
        )


def _is_default(config: Any, written: dict[str, Any], unknown: list[str]) -> bool:  # noqa: ANN401
    """Whether the unknown keys say of ModernBERT what the installed transformers takes without them."""
    if config.model_type != "modernbert":
        return False
    every = config.global_attn_every_n_layers
    kinds = [
        "full_attention" if layer % every == 0 else "sliding_attention" for layer in range(config.num_hidden_layers)
    ]
    thetas = {"full_attention": config.global_rope_theta, "sliding_attention": config.local_rope_theta}
    ropes = {kind: {"rope_theta": theta, "rope_type": "default"} for kind, theta in thetas.items()}
    expected = {"layer_types": kinds, "rope_parameters": ropes}
    return all(written[key] == expected[key] for key in unknown)
