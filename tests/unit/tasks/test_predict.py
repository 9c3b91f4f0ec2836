"""The verb predict: its parameters, its reading, and its generator on numpy logits alone."""

from dataclasses import FrozenInstanceError, asdict
from types import SimpleNamespace

import numpy as np
import pytest

from fillmask.decoding import Decoder
from fillmask.encoding import Encoder
from fillmask.errors import InputError, NoMaskError, TargetsError, TargetWarning, TooLongError, TruncationWarning
from fillmask.model import Model
from fillmask.tasks import Read, Result
from fillmask.tasks.predict import PREDICT, Parameters, Prediction, TopK, predict, resolve
from tests.support import toys
from tests.support.toys import MAX_LENGTH, VOCAB_SIZE

MASK = 4


@pytest.fixture
def model(tokenizer):
    """A model whose session cannot run."""
    session = SimpleNamespace(vocab_size=VOCAB_SIZE, check_process=lambda: None)
    artifact = SimpleNamespace(manifest={})
    return Model(artifact, "fp32", tokenizer, session, Encoder(tokenizer), Decoder(tokenizer))


def id_of(word):
    return toys.VOCAB.index(word)


def logits_with(*best):
    """Logits ``float32[m, V]`` that favor one token at each mask."""
    logits = np.zeros((len(best), VOCAB_SIZE), dtype=np.float32)
    logits[range(len(best)), [id_of(word) for word in best]] = 9
    return logits


def finish(task, results):
    """Send the results of a task's last reads, and give what it returns."""
    with pytest.raises(StopIteration) as ended:
        task.send(results)
    return ended.value.value


def run(model, text, rows, **arguments):
    """Drive the task of one text with the logits of its rows."""
    task = predict(model, text, resolve(model, **arguments).value)
    reads = next(task)
    return finish(task, [read.reading(logits) for read, logits in zip(reads, rows, strict=True)])


def test_the_defaults_are_five_tokens_of_the_whole_vocabulary(model):
    assert resolve(model) == Result(Parameters(TopK(5, None), None))


def test_parameters_are_resolved_once_for_all_texts(model):
    ids = np.array([id_of("cat"), id_of("dog")], dtype=np.int64)
    resolved = resolve(model, top_k=9, targets=["dog", "cat"], truncation="window")
    assert resolved == Result(Parameters(TopK(2, ids.tobytes()), "window"))


def test_a_replaced_target_is_a_notice(model):
    (notice,) = resolve(model, targets="Paris").notices
    assert notice.category is TargetWarning
    assert notice.message.endswith("Replacing with `paris`.")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"targets": [" "]}, TargetsError),
        ({"targets": ["Paris"], "top_k": -1}, InputError),
        ({"targets": ["Paris"], "truncation": "left"}, InputError),
    ],
)
def test_an_error_carries_the_notices_about_targets_that_came_before_it(model, arguments, error):
    with pytest.raises(error) as raised:
        resolve(model, **arguments)
    assert [notice.category for notice in raised.value.notices] == [TargetWarning]


def test_an_error_without_notices_has_none(model):
    with pytest.raises(InputError) as raised:
        resolve(model, top_k=-1)
    assert raised.value.notices == ()


def test_a_reading_chooses_among_all_tokens_or_among_its_targets():
    logits = np.arange(VOCAB_SIZE, dtype=np.float32)[None]
    tokens = [token for token, _ in TopK(2, None)(logits.copy())[0]]
    assert tokens == [VOCAB_SIZE - 1, VOCAB_SIZE - 2]
    targets = np.array([3, 5, 20], dtype=np.int64).tobytes()
    assert [token for token, _ in TopK(3, targets)(logits.copy())[0]] == [20, 5, 3]
    assert [token for token, _ in TopK(1, targets)(logits.copy())[0]] == [20]


def test_the_scores_of_targets_are_those_they_have_among_all_tokens():
    logits = np.random.default_rng(0).standard_normal((3, VOCAB_SIZE)).astype(np.float32)
    everything = [dict(row) for row in TopK(VOCAB_SIZE, None)(logits.copy())]
    targets = np.array([1, 7, 9], dtype=np.int64)
    for row, scores in zip(TopK(3, targets.tobytes())(logits.copy()), everything, strict=True):
        assert dict(row) == {token: scores[token] for token in targets.tolist()}


def test_each_row_is_read_by_itself_and_best_first():
    rows = TopK(1, None)(logits_with("cat", "dog"))
    assert [[token for token, _ in row] for row in rows] == [[id_of("cat")], [id_of("dog")]]
    exact = np.exp(9) / (np.exp(9) + VOCAB_SIZE - 1)
    np.testing.assert_allclose([score for row in rows for _, score in row], exact, rtol=1e-5)


def test_tokens_and_scores_are_plain_numbers():
    ((token, score),) = TopK(1, None)(logits_with("cat"))[0]
    assert (type(token), type(score)) == (int, float)


def test_readings_are_equal_where_they_give_the_same():
    targets = np.array([3, 5], dtype=np.int64).tobytes()
    assert TopK(2, None) == TopK(2, None) != TopK(3, None)
    assert TopK(2, targets) == TopK(2, bytes(targets)) != TopK(2, None)
    assert len({TopK(2, targets), TopK(2, bytes(targets)), TopK(2, None)}) == 2


def test_a_task_reads_one_row_at_its_masks(model):
    task = predict(model, "[MASK] is [MASK]", resolve(model, top_k=3).value)
    (read,) = next(task)
    assert isinstance(read, Read)
    assert read.input_ids.tolist() == [2, MASK, id_of("is"), MASK, 3]
    assert read.positions.tolist() == [1, 3]
    assert read.reading == TopK(3, None)


def test_what_was_read_becomes_predictions(model):
    result = run(model, "the [MASK] sat", [logits_with("cat")], top_k=1)
    ((prediction,),) = result.value
    assert (prediction.token, prediction.token_str) == (id_of("cat"), "cat")
    assert prediction.sequence == "the cat sat"
    assert result.notices == ()


def test_predictions_keep_the_order_and_the_numbers_that_were_read(model):
    task = predict(model, "the [MASK]", resolve(model, top_k=3).value)
    next(task)
    (found,) = finish(task, [[[(9, 0.1), (7, 0.7), (8, 0.2)]]]).value
    assert [(prediction.token, prediction.score) for prediction in found] == [(9, 0.1), (7, 0.7), (8, 0.2)]
    assert found[0] == Prediction(0.1, 9, toys.VOCAB[9], f"the {toys.VOCAB[9]}")


def test_each_mask_has_a_list_from_left_to_right(model):
    (first,), (second,) = run(model, "[MASK] is [MASK]", [logits_with("cat", "dog")], top_k=1).value
    assert first.sequence == "[CLS] cat is [MASK] [SEP]"
    assert second.sequence == "[CLS] [MASK] is dog [SEP]"


def test_the_windows_of_a_text_are_rows_of_one_list_of_reads(model):
    text = "[MASK] " + "cat " * 40 + "[MASK]"
    task = predict(model, text, resolve(model, top_k=1, truncation="window").value)
    reads = next(task)
    assert [read.input_ids.size for read in reads] == [MAX_LENGTH, MAX_LENGTH]
    results = [read.reading(logits_with(word)) for read, word in zip(reads, ("dog", "mat"), strict=True)]
    assert [mask[0].token_str for mask in finish(task, results).value] == ["dog", "mat"]


def test_no_predictions_are_an_empty_list_for_each_mask(model):
    assert run(model, "[MASK] [MASK]", [logits_with("cat", "dog")], top_k=0).value == [[], []]


def test_masks_that_were_cut_off_are_a_notice(model):
    text = "[MASK] " + "cat " * 40 + "[MASK]"
    result = run(model, text, [logits_with("dog")], top_k=1, truncation="right")
    assert len(result.value) == 1
    assert [notice.category for notice in result.notices] == [TruncationWarning]


@pytest.mark.parametrize(("text", "error"), [("no mask", NoMaskError), ("[MASK] " * 50, TooLongError)])
def test_a_text_that_the_model_does_not_take_ends_the_task_before_it_reads(model, text, error):
    with pytest.raises(error):
        next(predict(model, text, resolve(model).value))


def test_the_verb_is_listed_by_name(model):
    assert (PREDICT.name, PREDICT.resolve, PREDICT.task) == ("predict", resolve, predict)


def test_its_fields_come_in_transformers_order():
    assert list(asdict(Prediction(0.5, 1, "a", "b"))) == ["score", "token", "token_str", "sequence"]


def test_a_prediction_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Prediction(0.5, 1, "a", "b").score = 1
