"""The properties of a loaded model."""

from tests.support import toys
from tests.support.toys import VOCAB_SIZE


def test_its_properties_are_those_of_what_was_loaded(native, foreign):
    for fill_mask, variant in ((native, "fp32"), (foreign, "fp32")):
        assert (fill_mask.mask_token, fill_mask.mask_token_id) == ("[MASK]", 4)
        assert (fill_mask.vocab_size, fill_mask.max_length) == (VOCAB_SIZE, toys.MAX_LENGTH)
        assert (fill_mask.variant, fill_mask.threads) == (variant, 1)
        assert fill_mask.providers == ["CPUExecutionProvider"]
        assert fill_mask.artifact.revision is None
        assert (fill_mask.on_gpu, fill_mask.batch_invariant) == (False, True)
        assert fill_mask.nodes == fill_mask.model.session.nodes


def test_the_mask_may_be_read_as_of_transformers_pipeline(fill_mask):
    assert (fill_mask.tokenizer.mask_token, fill_mask.tokenizer.mask_token_id) == ("[MASK]", 4)
    assert fill_mask(f"the {fill_mask.tokenizer.mask_token}") == fill_mask("the [MASK]")
