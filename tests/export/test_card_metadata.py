"""The front matter, read again as the hub's own library reads it."""

import pytest
from huggingface_hub import ModelCard

from fillmask_export.card_metadata import front_matter

CARD = """---
license: mit
language: [en, de]
datasets: [wikipedia]
pipeline_tag: feature-extraction
library_name: transformers
---
# A model
"""


def read(card, revision="0123", variants=("fp32", "int8")):
    source = {"checkpoint": "org/model", "revision": revision}
    lines = front_matter({"source": source, "variants": dict.fromkeys(variants)}, card)
    return ModelCard("\n".join([*lines, "# An export"])).data.to_dict()


def test_what_holds_for_the_checkpoint_is_kept_and_the_rest_is_ours():
    assert read(CARD) == {
        "library_name": "fillmask",
        "pipeline_tag": "fill-mask",
        "tags": ["fillmask", "onnx"],
        "base_model": "org/model",
        "base_model_relation": "quantized",
        "language": ["en", "de"],
        "license": "mit",
        "datasets": ["wikipedia"],
    }


@pytest.mark.parametrize("card", ["", "# No front matter", "---\nlicense: [\n---\n# Broken"])
def test_a_checkpoint_that_says_nothing_leaves_it_out(card):
    assert set(read(card)) == {"library_name", "pipeline_tag", "tags", "base_model", "base_model_relation"}


def test_a_folder_is_no_base_model_of_the_hub_and_fp32_is_not_quantized():
    assert "base_model" not in read(CARD, revision=None)
    assert "base_model_relation" not in read(CARD, variants=["fp32"])
