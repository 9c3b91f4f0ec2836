"""How many tokens a model takes: as many as its positions allow, as transformers' own models show."""

import pytest

from fillmask.artifact.tokenizer import max_length

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.support.architectures import ARCHITECTURES, MAX_LENGTH, draw, make_config  # noqa: E402 -- it needs both

VOCABULARY = 40
SPECIAL = {"pad_token_id": 1, "mask_token_id": 4}


def run(model, tokens):
    ids = torch.arange(tokens)[None] % (VOCABULARY - 5) + 5
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


@pytest.mark.parametrize("name", [name for name, each in ARCHITECTURES.items() if not each.refusal])
def test_a_text_ends_where_the_positions_of_transformers_end(name):
    model = draw(make_config(name, VOCABULARY, SPECIAL), 0.1)
    most = max_length({}, model.config.to_dict())
    if most > MAX_LENGTH:
        assert run(model, 2 * MAX_LENGTH).isfinite().all()
        assert most == max_length({}, {})
        return
    assert run(model, most).isfinite().all()
    with pytest.raises((IndexError, RuntimeError)):
        run(model, most + 1)
