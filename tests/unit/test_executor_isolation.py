"""A text that fails a run fails alone: the texts beside it are predicted as they are alone."""

import numpy as np
import pytest

from fillmask import FillMask, FillMaskError, TextError
from fillmask.invariance import Invariance
from tests.support import toys

GOOD = ["the cat [MASK]", "a dog [MASK]", "red [MASK] mat"]


def beyond(folder, **config):
    """A model whose tokenizer has one token more than its tables, as after ``add_tokens`` without a resize."""
    tokenizer = toys.word_piece()
    tokenizer.add_tokens(["<new>"])
    return FillMask(toys.write_foreign(folder, tokenizer=tokenizer, config=config), threads=1)


@pytest.mark.parametrize("config", [{"vocab_size": toys.VOCAB_SIZE}, {"vocab_size": None}, {"vocab_size": 1000}])
def test_a_token_that_the_model_lacks_is_the_texts_fault(tmp_path, config):
    fill_mask = beyond(tmp_path, **config)
    message = rf"the token '<new>' with id {toys.VOCAB_SIZE}, the model has {toys.VOCAB_SIZE} tokens"
    with pytest.raises(TextError, match=message):
        fill_mask("<new> [MASK]")
    alone = [fill_mask.predict(text) for text in GOOD]
    outcomes = list(fill_mask.predict_many([*GOOD, "<new> cat [MASK]"], batch_size=4))
    assert outcomes[:3] == alone
    assert isinstance(outcomes[3], TextError)


def test_it_is_refused_before_a_run_where_the_table_is_known(tmp_path, monkeypatch):
    fill_mask = beyond(tmp_path, vocab_size=toys.VOCAB_SIZE)
    monkeypatch.setattr(type(fill_mask.model.session), "run", lambda *_: pytest.fail("the model ran"))
    with pytest.raises(TextError, match="<new>"):
        fill_mask("<new> [MASK]")


def test_a_token_that_truncation_removes_does_no_harm(tmp_path):
    fill_mask = beyond(tmp_path, vocab_size=toys.VOCAB_SIZE)
    text = "the [MASK] " + "cat " * 30
    expected = fill_mask.predict(text, truncation="right")
    assert fill_mask.predict(text + "<new>", truncation="right") == expected


def test_logits_that_are_not_numbers_fail_their_row_alone(tmp_path):
    weights = toys.tables()
    weights[0, toys.VOCAB.index("blue")] = np.nan
    fill_mask = FillMask(toys.write_foreign(tmp_path, {"model.onnx": toys.foreign_graph(weights)}), threads=1)
    fill_mask.model._invariance.append(Invariance(padded=True, equal_length=True))  # as a manifest may record
    alone = [fill_mask.predict(text) for text in GOOD]
    outcomes = fill_mask.predict_many([*GOOD, "blue [MASK]"], batch_size=4)
    assert [next(outcomes) for _ in GOOD] == alone
    with pytest.raises(FillMaskError, match="not numbers"):
        next(outcomes)
