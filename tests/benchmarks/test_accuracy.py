import pytest

from benchmarks.device import CPU, DEVICES
from benchmarks.models.folders import ModelFolders, open_tokenizer
from benchmarks.models.texts import MaskedText, make_masked_texts, mask_words
from benchmarks.suites.accuracy import blocking, compare
from benchmarks.suites.accuracy import refusal as refusal_of
from fillmask.artifact.folder import EMBEDDED

MASKED = [MaskedText("a [MASK]", 1), MaskedText("b [MASK]", 2)]
REFERENCE = [[(1, 0.6), (3, 0.2)], [(4, 0.5), (2, 0.3)]]


def test_the_reference_is_right_where_it_names_what_stood_there():
    found = compare(MASKED, REFERENCE, REFERENCE)
    assert found == {"same first": 1, "shared of five": 1, "max score difference": 0, "accuracy": 0.5}


def test_differences_are_shares_and_the_largest_score():
    ours = [[(1, 0.5), (9, 0.4)], [(2, 0.45), (4, 0.4)]]
    found = compare(MASKED, ours, REFERENCE)
    assert found["same first"] == 0.5
    assert found["shared of five"] == 0.75
    assert found["max score difference"] == pytest.approx(0.15)
    assert found["accuracy"] == 1


def test_without_labels_there_is_no_accuracy():
    assert "accuracy" not in compare([MaskedText("a [MASK]", None)], REFERENCE[:1], REFERENCE[:1])


def refusal(precision, wrong=0, of=1000, difference=0.0):
    """Of a contender that is wrong so often where the reference is right."""
    masked = [MaskedText("a [MASK]", 1)] * of
    right, other = [(1, 0.5), (2, 0.5)], [(2, 0.5), (1, 0.5)]
    predictions = [other] * wrong + [right] * (of - wrong)
    return refusal_of(precision, masked, predictions, [right] * of, {"max score difference": difference})


def test_a_contender_that_loses_accuracy_is_refused():
    assert refusal("int8", wrong=20) is None
    assert "at 5.0% ± 1.4% fewer of the masks" in refusal("int8", wrong=50)


def test_what_a_hundred_masks_cannot_tell_refuses_nobody():
    assert refusal("int8", wrong=4, of=100) is None


def test_an_fp32_contender_has_the_references_scores():
    assert "a score differs" in refusal("fp32", difference=1e-3)
    assert refusal("int8", difference=1e-3) is None


def test_a_masked_text_hides_one_token_and_remembers_it():
    tokenizer = open_tokenizer(EMBEDDED)
    (first, second) = mask_words(tokenizer, "Paris unquestionably fell", "[MASK]")
    assert (first.text, second.text) == ("[MASK] unquestionably fell", "Paris unquestionably [MASK]")
    assert tokenizer.decode([first.label, second.label]) == "paris fell"


def test_a_random_model_gets_texts_without_labels():
    folders = ModelFolders("minilm", EMBEDDED, EMBEDDED, EMBEDDED, trained=False)
    masked = make_masked_texts(folders, 5)
    assert len(masked) == 5
    assert all(question.label is None and "[MASK]" in question.text for question in masked)


def test_a_trained_model_gets_masked_words_of_sentences():
    folders = ModelFolders("minilm", EMBEDDED, EMBEDDED, EMBEDDED, trained=True)
    masked = make_masked_texts(folders, 200)
    assert len(masked) == 200
    assert masked == make_masked_texts(folders, 200)


ANSWER = [[(1, 0.5), (2, 0.3), (3, 0.1)]]


@pytest.mark.parametrize(
    ("predictions", "why"),
    [
        ([(1, 0.505), (2, 0.3)], None),
        ([(1, 0.52), (2, 0.3)], "a score differs by 0.02, more than 0.01"),
        ([(1, 0.5), (9, 0.2)], "a score differs by 0.2, more than 0.01"),
        ([(1, float("nan"))], "a score differs by nan"),
        ([(2, 0.3), (1, 0.5)], "predictions differ from the reference in 1 of 1 texts"),
    ],
)
def test_fp16_on_a_gpu_predicts_what_fp32_on_the_cpu_does(predictions, why):
    masked = [MaskedText("a [MASK]", None)]
    measures = compare(masked, [predictions], ANSWER)
    found = refusal_of("fp16", masked, [predictions], ANSWER, measures)
    assert (found or "").startswith(why or "")
    assert bool(found) == bool(why)


def test_of_two_tokens_that_are_as_likely_either_may_be_first():
    predictions, reference = [[(2, 0.498)]], [[(1, 0.5), (2, 0.498)]]
    measures = compare(MASKED[:1], predictions, reference)
    assert measures["same first"] == 0
    assert refusal_of("fp16", [MaskedText("a [MASK]", None)], predictions, reference, measures) is None


def test_a_token_that_the_reference_does_not_predict_counts_only_if_that_predicts_more():
    ours = [[(1, 0.5), (9, 0.2)]]
    assert compare(MASKED[:1], ours, [[(1, 0.5), (2, 0.3)]])["max score difference"] == 0
    assert compare(MASKED[:1], ours, [[(1, 0.5), (2, 0.3), (3, 0.1)]])["max score difference"] == 0.2


NEARLY_TIED = [[(1, 0.5), (2, 0.5 - 1e-6), (3, 0.1)]]


@pytest.mark.parametrize(("first", "agrees"), [(1, True), (2, True), (3, False), (9, False)])
def test_an_fp32_contender_puts_first_what_the_reference_does_but_for_rounding(first, agrees):
    masked = [MaskedText("a [MASK]", None)]
    found = refusal_of("fp32", masked, [[(first, 0.5)]], NEARLY_TIED, {"max score difference": 0.0})
    assert (found is None) == agrees


@pytest.mark.parametrize(("shared", "agrees"), [(0.5, True), (0.49, False), (float("nan"), False)])
@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_without_labels_a_contender_shares_half_of_the_likeliest_tokens(precision, shared, agrees):
    measures = {"max score difference": 0.9, "shared of five": shared}
    found = refusal_of(precision, [MaskedText("a [MASK]", None)], REFERENCE[:1], REFERENCE[:1], measures)
    assert (found is None) == agrees
    assert refusal_of(precision, MASKED[:1], REFERENCE[:1], REFERENCE[:1], measures) is None


def test_fp16_may_differ_in_one_text_of_a_hundred():
    masked, right, wrong = [MaskedText("a [MASK]", None)] * 100, NEARLY_TIED * 100, [[(9, 0.5)]]
    measures = {"max score difference": 0.0}
    assert refusal_of("fp16", masked, right[:99] + wrong, right, measures) is None
    found = refusal_of("fp16", masked, right[:98] + wrong * 2, right, measures)
    assert "in 2 of 100 texts, first in number 98" in found


def test_on_a_gpu_only_the_main_variant_must_be_right():
    refused = {"fillmask-fp32": "it is wrong", "transformers": "it is wrong"}
    assert blocking(refused, DEVICES["cuda"]) is None
    assert blocking(refused, CPU) == "fillmask-fp32: it is wrong"
    assert blocking({"fillmask-fp16": "it is wrong"}, DEVICES["cuda"])
