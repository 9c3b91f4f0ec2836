import numpy as np
import pytest

from fillmask import FillMask, FillMaskError, InputError, NoMaskError, TextError, TooLongError
from tests.support import toys
from tests.support.toys import VOCAB_SIZE


@pytest.mark.parametrize(
    "inputs", [None, 3, 1.5, True, b"[MASK]", bytearray(b"[MASK]"), object(), {"inputs": "[MASK]"}]
)
def test_inputs_that_hold_no_texts_are_refused_at_once(fill_mask, inputs):
    for call in (fill_mask, fill_mask.predict, fill_mask.predict_many):
        with pytest.raises(TextError, match=f"got {type(inputs).__name__}") as raised:
            call(inputs)
        assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize("inputs", [[None], ["[MASK]", 3], [["[MASK]"]]])
def test_a_list_that_holds_something_else_is_refused(fill_mask, inputs):
    with pytest.raises(TextError, match="a text must be a string, got "):
        fill_mask(inputs)


def test_one_text_is_not_many(fill_mask):
    with pytest.raises(TextError, match="texts must be an iterable of strings, got str"):
        fill_mask.predict_many("[MASK]")


@pytest.mark.parametrize("truncation", [None, "right", "window"])
@pytest.mark.parametrize("text", ["", "no mask", "MASK", "[MASK", "cat " * 99])
def test_a_text_without_a_mask_is_refused_in_transformers_words(fill_mask, text, truncation):
    error, message = NoMaskError, r"^No mask_token \(\[MASK\]\) found on the input$"
    if truncation is None and len(text) > 99:
        error, message = TooLongError, "has 101 tokens and the model takes at most 16"
    with pytest.raises(error, match=message):
        fill_mask.predict(text, truncation=truncation)


BOTH_GRAPHS = pytest.mark.parametrize("make", [toys.native_graph, toys.foreign_graph])
NOT_NUMBERS = r"logits that are not numbers \(NaN or infinite\); try another variant"
PARAMETERS = [{}, {"top_k": 0}, {"top_k": 1}, {"top_k": VOCAB_SIZE}, {"targets": ["cat", "dog"]}]


def load(folder, graph):
    return FillMask(toys.write_foreign(folder / "model", {"model.onnx": graph}), threads=1)


@pytest.mark.parametrize(
    ("value", "tokens"),
    [(np.nan, slice(None)), (np.nan, 7), (np.inf, slice(None)), (np.inf, 7), (-np.inf, slice(None))],
    ids=["all NaN", "one NaN", "all inf", "one inf", "all -inf"],
)
@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
@BOTH_GRAPHS
def test_logits_that_are_not_finite_are_an_error_and_never_a_prediction(tmp_path, make, value, tokens, parameters):
    weights = toys.tables()
    weights[:, :, tokens] = value
    with pytest.raises(FillMaskError, match=NOT_NUMBERS):
        load(tmp_path, make(weights)).predict("[MASK]", **parameters)


@pytest.mark.parametrize(
    ("value", "token"), [(np.nan, 7), (np.inf, 7), (-np.inf, slice(None))], ids=["one NaN", "one inf", "all -inf"]
)
@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
@BOTH_GRAPHS
def test_a_mask_without_numbers_fails_its_neighbors_in_the_text_and_no_other_text(
    tmp_path, make, value, token, parameters
):
    weights = toys.tables()
    weights[1, toys.VOCAB.index("cat"), token] = value  # behind one of the masks only
    broken = load(tmp_path, make(weights))
    for text in ("[MASK] cat", "[MASK] cat [MASK] dog", "[MASK] dog [MASK] cat"):
        with pytest.raises(FillMaskError, match=NOT_NUMBERS):
            broken.predict(text, **parameters)
    healthy = load(tmp_path, make(toys.tables()))
    assert broken.predict("[MASK] dog [MASK]", **parameters) == healthy.predict("[MASK] dog [MASK]", **parameters)


@BOTH_GRAPHS
def test_logits_without_numbers_are_no_fault_of_a_text_and_end_a_stream_of_many(tmp_path, make):
    weights = toys.tables()
    weights[1, toys.VOCAB.index("cat"), 7] = np.nan
    outcomes = load(tmp_path, make(weights)).predict_many(["[MASK]", "[MASK] cat", "[MASK]"])
    assert len(next(outcomes)) == 1
    with pytest.raises(FillMaskError, match=NOT_NUMBERS):
        next(outcomes)


@BOTH_GRAPHS
def test_a_token_that_the_model_forbids_is_no_fault(tmp_path, make):
    weights = toys.tables()
    weights[:, :, 7] = -np.inf
    for predictions in load(tmp_path, make(weights)).predict("[MASK] [MASK]", top_k=VOCAB_SIZE):
        assert (predictions[-1].token, predictions[-1].score) == (7, 0)
        assert all(prediction.score > 0 for prediction in predictions[:-1])


@pytest.mark.parametrize("parameters", [{"top_k": VOCAB_SIZE + 5}, {"targets": ["##ing"]}], ids=str)
def test_a_token_that_the_graph_does_not_score_is_refused_whatever_the_configuration_says(tmp_path, parameters):
    graph = toys.foreign_graph(toys.tables()[:, :, : VOCAB_SIZE - 1])
    folder = toys.write_foreign(tmp_path / "model", {"model.onnx": graph}, config={"vocab_size": VOCAB_SIZE + 5})
    engine = FillMask(folder, threads=1)
    assert engine.vocab_size == VOCAB_SIZE - 1
    with pytest.raises(InputError, match=str(VOCAB_SIZE - 1)):
        engine.predict("[MASK]", **parameters)


@pytest.mark.parametrize("parameters", [{"top_k": VOCAB_SIZE}, {"targets": ["##ing"]}], ids=str)
def test_a_graph_that_scores_fewer_tokens_than_it_declares_is_an_error_of_the_engine(tmp_path, parameters):
    graph = toys.hidden_size_graph(VOCAB_SIZE - 1, declared=VOCAB_SIZE)
    folder = toys.write_foreign(tmp_path / "model", {"model.onnx": graph})
    with pytest.raises(FillMaskError):
        FillMask(folder, threads=1).predict("[MASK]", **parameters)
