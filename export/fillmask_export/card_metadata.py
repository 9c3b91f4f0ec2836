"""The front matter of a model card: what the hub reads of a model, in YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

# What holds for an export as for its checkpoint.
_KEPT = ("language", "license", "license_name", "license_link", "datasets")


def front_matter(manifest: Mapping[str, Any], checkpoint_card: str) -> list[str]:
    """Write the lines of the front matter.

    Args:
        manifest: The artifact's manifest.
        checkpoint_card: The checkpoint's README, of whose front matter the language, license and data are kept; an
            empty string if there is none.
    """
    source = manifest["source"]
    facts: dict[str, Any] = {"library_name": "fillmask", "pipeline_tag": "fill-mask", "tags": ["fillmask", "onnx"]}
    if source["revision"]:  # a checkpoint of the hub
        facts["base_model"] = source["checkpoint"]
        if not {"int8", "int4"}.isdisjoint(manifest["variants"]):
            facts["base_model_relation"] = "quantized"
    kept = _read(checkpoint_card)
    facts |= {name: kept[name] for name in _KEPT if kept.get(name)}
    return ["---", *ModelCardData(**facts).to_yaml().splitlines(), "---", ""]


def _read(card: str) -> dict[str, Any]:
    """The front matter of a card; none if it has none that can be read, which keeps no model from being exported."""
    if not card:
        return {}
    try:
        found: Any = ModelCard(card, ignore_metadata_errors=True).data
        return dict(found.to_dict())
    except Exception:  # those of PyYAML and of huggingface_hub have no common base
        return {}
