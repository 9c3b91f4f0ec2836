"""Scores over HTTP: those of the library, weighed by the runs that they take."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fillmask.results import as_json
from fillmask.server.http_errors import HttpError
from fillmask.server.score import SCORE_TEXTS
from tests.support import weighing

TEXTS = ["The keys to the cabinet are on the table.", "It isn't unbelievably good."]
LINES = {"accept": "application/x-ndjson"}


def ask(server, inputs, path="/score", headers=None, **parameters):
    return server.request("POST", path, {"inputs": inputs, "parameters": parameters}, headers)


def assert_same(got, score):
    """The numbers of a response and of the library, whose runs may hold other rows."""
    expected = as_json(score)
    assert got.keys() == expected.keys()
    assert got["log_prob"] == pytest.approx(expected["log_prob"], abs=1e-3)
    assert got["perplexity"] == pytest.approx(expected["perplexity"], rel=1e-3)
    for name in ("tokens", "words"):
        for mine, theirs in zip(got[name], expected[name], strict=True):
            assert mine.pop("log_prob") == pytest.approx(theirs.pop("log_prob"), abs=1e-3)
            assert mine == theirs


def test_a_score_has_the_same_bits_whatever_else_runs(server, alone):
    """The rows of a text run without those of other texts, as in the library."""
    texts = [*TEXTS, "The keys.", "The keys are here.", "A dog barks.", "A dog barked loudly."]
    expected = {text: as_json(alone.score(text)) for text in texts}
    stop = threading.Event()

    def beside():
        while not stop.is_set():
            server.ask(["a [MASK] of it.", "the [MASK] " * 5])

    others = [threading.Thread(target=beside) for _ in range(2)]
    for other in others:
        other.start()
    try:
        with ThreadPoolExecutor(12) as pool:
            found = list(pool.map(lambda text: (text, ask(server, text).json), texts * 6))
    finally:
        stop.set()
        for other in others:
            other.join()
    assert all(score == expected[text] for text, score in found)
    assert ask(server, texts).json == [expected[text] for text in texts]


def test_a_text_has_a_score_and_a_list_a_list(server, alone):
    assert_same(ask(server, TEXTS[0]).json, alone.score(TEXTS[0]))
    for inputs in (TEXTS, TEXTS[:1]):
        found = ask(server, inputs).json
        for got, text in zip(found, inputs, strict=True):
            assert_same(got, alone.score(text))
    assert ask(server, []).json == []


@pytest.mark.parametrize(
    "parameters",
    [{"method": "original"}, {"method": "whole_word", "words": "spaces"}, {"bits": True}, {"truncation": "window"}],
)
def test_parameters_are_those_of_the_library(server, alone, parameters):
    assert_same(ask(server, TEXTS[1], **parameters).json, alone.score(TEXTS[1], **parameters))


def test_each_model_has_its_scores(server):
    path = "/models/bytelevel/score"
    by_name = ask(server, "The keys", path=path).json
    assert [token["token_str"] for token in by_name["tokens"]][:1] == ["The"]
    assert by_name["log_prob"] != ask(server, "The keys").json["log_prob"]
    assert ask(server, "The keys", path="/models/none/score").status == 404


def test_a_stream_has_a_line_for_each_text_and_a_bad_one_reports_itself(server, alone):
    reply = ask(server, [TEXTS[0], "", TEXTS[1]], headers=LINES)
    first, second, third = map(json.loads, reply.body.splitlines())
    assert_same(first["score"], alone.score(TEXTS[0]))
    assert second == {"index": 1, "error": "the text has no token to score", "error_type": "invalid_input"}
    assert_same(third["score"], alone.score(TEXTS[1]))


def test_positions_are_code_points_of_the_text_that_was_sent(server):
    text = "The 👩‍👩‍👧 [MASK] {mask} café"
    reply = ask(server, text)
    assert all(text[token["start"] : token["end"]] == token["text"] for token in reply.json["tokens"])
    (message,) = json.loads(reply.headers["x-warnings"])
    assert "not in the vocabulary" in message
    assert not message.startswith("inputs")


def test_a_warning_of_a_list_names_its_text(server):
    reply = ask(server, ["The keys.", "The 👩‍👩‍👧", "a 👩‍👩‍👧"])
    messages = json.loads(reply.headers["x-warnings"])
    assert [message[:11] for message in messages] == ["inputs[1]: ", "inputs[2]: "]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"inputs": ""}, "inputs: the text has no token to score"),
        ({"inputs": ["the", ""]}, "inputs[1]: the text has no token to score"),
        ({"inputs": 3}, "inputs: "),
        ({"inputs": "a", "parameters": {"method": "pll"}}, "parameters.method: "),
        ({"inputs": "a", "parameters": {"bits": 1}}, "parameters.bits: "),
        ({"inputs": "a", "parameters": {"truncation": "right"}}, "parameters.truncation: "),
        ({}, "inputs: "),
    ],
)
def test_what_is_wrong_is_named_by_its_field(server, body, message):
    reply = server.request("POST", "/score", body)
    assert reply.status == 422
    assert reply.error.startswith(message)


def test_unknown_members_are_ignored_with_a_warning(server):
    reply = server.request("POST", "/score", {"inputs": "the", "parameters": {"top_k": 3}, "more": 1})
    assert reply.status == 200
    assert "parameters.top_k" in reply.headers["x-warnings"]
    assert "more" in reply.headers["x-warnings"]


def test_the_server_counts_the_tokens_of_every_row(server, alone):
    tokens = len(alone.score(TEXTS[0]).tokens)
    assert int(ask(server, TEXTS[0]).headers["x-compute-tokens"]) == tokens * (tokens + 2)


def test_scores_are_described(server):
    described = server.get("/openapi.json").json
    operation = described["paths"]["/score"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/ScoreBody")
    lines = operation["responses"]["200"]["content"]["application/x-ndjson"]["schema"]["$ref"]
    for name in ("Score", "ScoredToken", "ScoredWord", "ScoreParameters", lines.rpartition("/")[2]):
        assert name in described["components"]["schemas"], name


# Weight


def weights(texts, **options):
    """The weights of the texts of a request."""
    return weighing.weights(SCORE_TEXTS, texts, **options)


def test_a_text_weighs_its_rows_times_its_tokens():
    assert weights(["x" * 392, "x" * 3992]) == [100 * 100, 1000 * 512]
    assert weights(["x" * 98, "x" * 998], bytes_per_token=1) == [100 * 100, 1000 * 512]


def test_a_text_that_is_more_than_the_queue_is_refused_before_it_runs(server):
    reply = ask(server, "word " * 400, truncation="window")
    assert reply.status == 413
    assert "a request at most 65536" in reply.error


def test_the_tokens_to_score_are_limited_in_a_request_and_in_a_stream_for_each_text():
    text = "x" * 392  # a hundred tokens by the estimate
    assert weights([text, text], max_reads=200) == [10_000] * 2
    with pytest.raises(HttpError, match="a request has at most 199 tokens to read, got about 200; send shorter texts"):
        weights([text, text], max_reads=199)
    assert weights([text] * 9, stream=True, max_reads=100) == [10_000] * 9
    with pytest.raises(HttpError) as caught:
        weights([text] * 9, stream=True, max_reads=99)
    assert str(caught.value) == "inputs: a text has at most 99 tokens to read, got about 100; send shorter texts"


def test_a_deadline_ends_a_score_between_its_rounds(server):
    """240 tokens are eight rounds; a few milliseconds are less than one of them."""
    headers = {"x-request-timeout-ms": "30"}
    reply = ask(server, "word " * 190, headers=headers)
    assert reply.status == 504
