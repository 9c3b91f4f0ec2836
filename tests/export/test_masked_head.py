"""The head at some tokens. ``training/test_model.py`` compares its logits in every architecture."""

import pytest
import torch

from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.masked_head import is_tokenwise, logits_at

IDS = torch.tensor([[2, 9, 8, 3], [2, 7, 6, 3]])
SELECTED = torch.tensor([[False, True, True, False], [False, False, True, False]])


@pytest.fixture
def model(checkpoint_of):
    with torch.inference_mode():
        yield open_checkpoint(checkpoint_of("wordpiece")).model


def test_the_selected_tokens_have_the_logits_that_they_have_beside_all_others(model):
    mask = torch.ones_like(IDS)
    expected = model(input_ids=IDS, attention_mask=mask).logits[SELECTED]
    found = logits_at(model, IDS, mask, SELECTED, 5)
    assert found.shape == (5, expected.shape[1])
    torch.testing.assert_close(found[:3], expected, rtol=0, atol=1e-6)
    assert is_tokenwise(model, IDS, SELECTED)
    assert not model.base_model._forward_hooks


@pytest.mark.parametrize("other", ["reads the tokens beside it", "needs its shape", "gives NaN"])
def test_a_head_of_another_kind_is_told(model, other):
    def replace(_module, inputs, logits):
        if other == "gives NaN":
            return logits * torch.nan
        if other == "needs its shape":
            assert inputs[0].shape[:2] == IDS.shape
            return logits
        return logits + logits.mean(dim=1, keepdim=True)

    model.cls.register_forward_hook(replace)
    assert not is_tokenwise(model, IDS, SELECTED)
    assert not model.base_model._forward_hooks
