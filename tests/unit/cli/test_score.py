import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from fillmask.cli.main import main
from fillmask.results import as_json

TEXTS = ["the cat sat.", "the dogs sat on a mat."]


@pytest.fixture
def score(native_folder):
    """Run ``fillmask score`` and give its result."""
    arguments = ["score", "-m", str(native_folder), "--variant", "fp32"]
    return lambda *more, **options: CliRunner().invoke(main, [*arguments, *more], **options)


def documents(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_text_is_a_line_with_its_score_and_perplexity(score, native):
    result = score(*TEXTS)
    assert (result.exit_code, result.stderr) == (0, "")
    for line, text in zip(result.stdout.splitlines(), TEXTS, strict=True):
        expected = native.score(text)
        assert line.split(maxsplit=2) == [f"{expected.log_prob:.3f}", f"{expected.perplexity:.2f}", text]


def test_tokens_have_a_line_each_with_their_places(score):
    lines = score("--tokens", TEXTS[1]).stdout.splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["the", "dog", "s", "sat", "on", "a", "mat", "."]
    assert [line.split()[1] for line in lines[1:4]] == ["0–3", "4–7", "7–8"]


def test_words_have_a_line_each_and_are_those_that_were_asked_for(score, native):
    text = "the dogs.cat sat."
    for words in ("pretokenizer", "spaces"):
        lines = score("--by-word", "--words", words, text).stdout.splitlines()
        expected = native.score(text, words=words).words
        assert [line.split() for line in lines[1:]] == [
            [f"{word.log_prob:.3f}", f"{word.start}–{word.end}", word.text] for word in expected
        ]


def test_json_is_what_the_engine_gives(score, native):
    result = score("--json", "--method", "whole_word", "--words", "spaces", "--bits", *TEXTS)
    arguments = {"method": "whole_word", "words": "spaces", "bits": True}
    expected = [{"inputs": text, "score": as_json(native.score(text, **arguments))} for text in TEXTS]
    assert documents(result) == expected


def test_texts_come_from_standard_input_and_run_beside_each_other(score):
    given = "\n".join(TEXTS * 5)
    result = score("--json", "--workers", "2", input=given)
    assert [document["inputs"] for document in documents(result)] == TEXTS * 5
    assert result.stdout == score("--json", input=given).stdout


def test_a_text_that_fails_does_not_keep_the_others_from_their_scores(score):
    result = score("--json", TEXTS[0], "", TEXTS[1])
    assert result.exit_code == 1
    assert [document.get("error_type") for document in documents(result)] == [None, "TextError", None]
    assert result.stderr == "fillmask: '': the text has no token to score\n"


def test_a_long_text_needs_windows(score):
    assert "truncation 'window'" in score("cat " * 20).stderr
    assert score("--truncation", "window", "cat " * 20).exit_code == 0


def test_an_unknown_token_is_marked_and_warned_of(score):
    result = score("--tokens", "the 日 sat")
    assert "日  (unknown)" in result.stdout
    assert result.stderr.startswith("fillmask: warning: 1 of the text's 3 tokens are not in the vocabulary")


@pytest.mark.parametrize("arguments", [["--method", "pll"], ["--words", "all"], ["--truncation", "right"]])
def test_wrong_usage_is_exit_code_2(score, arguments):
    assert score(*arguments, TEXTS[0]).exit_code == 2


def test_a_number_that_is_not_finite_is_null_in_json(native):
    found = replace(native.score("the"), log_prob=float("-inf"), perplexity=float("inf"))
    assert (as_json(found)["log_prob"], as_json(found)["perplexity"]) == (None, None)
