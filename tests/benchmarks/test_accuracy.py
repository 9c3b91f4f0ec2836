import pytest

from benchmarks.models.folders import ModelFolders, open_tokenizer
from benchmarks.models.questions import Question, _hide, make_questions
from benchmarks.suites.accuracy import _refusal, compare
from fillmask.artifact.folder import EMBEDDED

QUESTIONS = [Question("a [MASK]", 1), Question("b [MASK]", 2)]
REFERENCE = [[(1, 0.6), (3, 0.2)], [(4, 0.5), (2, 0.3)]]


def test_the_reference_is_right_where_it_names_what_stood_there():
    found = compare(QUESTIONS, REFERENCE, REFERENCE)
    assert found == {"same first": 1, "shared of five": 1, "max score difference": 0, "accuracy": 0.5}


def test_differences_are_shares_and_the_largest_score():
    ours = [[(1, 0.5), (9, 0.4)], [(2, 0.45), (4, 0.4)]]
    found = compare(QUESTIONS, ours, REFERENCE)
    assert found["same first"] == 0.5
    assert found["shared of five"] == 0.75
    assert found["max score difference"] == pytest.approx(0.15)
    assert found["accuracy"] == 1


def test_without_labels_there_is_no_accuracy():
    assert "accuracy" not in compare([Question("a [MASK]", None)], REFERENCE[:1], REFERENCE[:1])


def refusal(name, wrong=0, of=1000, difference=0.0):
    """Of a contender that is wrong so often where the reference is right."""
    questions = [Question("a [MASK]", 1)] * of
    right, other = [(1, 0.5), (2, 0.5)], [(2, 0.5), (1, 0.5)]
    answers = {name: [other] * wrong + [right] * (of - wrong), "transformers": [right] * of}
    return _refusal(name, questions, answers, {name: {"max score difference": difference}})


def test_who_loses_accuracy_is_refused():
    assert refusal("optimum-int8", wrong=20) is None
    assert "at 5.0% ± 1.4% fewer of the masks" in refusal("optimum-int8", wrong=50)


def test_what_a_hundred_masks_cannot_tell_refuses_nobody():
    assert refusal("optimum-int8", wrong=4, of=100) is None


def test_an_fp32_contender_has_the_references_scores():
    assert "a score differs" in refusal("optimum-fp32", difference=1e-3)
    assert refusal("optimum-int8", difference=1e-3) is None


def test_a_question_hides_one_token_and_remembers_it():
    tokenizer = open_tokenizer(EMBEDDED)
    (first, second) = _hide(tokenizer, "Paris unquestionably fell", "[MASK]", tokenizer.token_to_id("[MASK]"))
    assert (first.text, second.text) == ("[MASK] unquestionably fell", "Paris unquestionably [MASK]")
    assert tokenizer.decode([first.label, second.label]) == "paris fell"


def test_a_random_model_is_asked_without_labels():
    folders = ModelFolders("minilm", EMBEDDED, EMBEDDED, EMBEDDED, trained=False)
    questions = make_questions(folders, 5)
    assert len(questions) == 5
    assert all(question.label is None and "[MASK]" in question.text for question in questions)


def test_a_trained_one_is_asked_what_sentences_say():
    folders = ModelFolders("minilm", EMBEDDED, EMBEDDED, EMBEDDED, trained=True)
    questions = make_questions(folders, 200)
    assert len(questions) == 200
    assert questions == make_questions(folders, 200)
