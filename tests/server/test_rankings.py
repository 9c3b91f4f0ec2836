"""Rankings over HTTP: those of the library, weighed by the rows that they take."""

import json

import pytest

from fillmask.results import as_json
from fillmask.server.rank import RANK_TEXTS
from fillmask.tasks.rank import RANK
from tests.support.weighing import weights

TEXTS = ["Paris is the [MASK] of France.", "He [MASK] the door and left the {mask}."]
CANDIDATES = ["capital", "largest city", "heart"]
LINES = {"accept": "application/x-ndjson"}


def ask(server, inputs, path="/rank", headers=None, **parameters):
    body = {"inputs": inputs, "parameters": {"candidates": CANDIDATES, **parameters}}
    return server.request("POST", path, body, headers)


def assert_same(got, ranking):
    """The numbers of a response and of the library, whose runs may hold other rows."""
    for mine, theirs in zip(got, as_json(ranking), strict=True):
        for one, other in zip(mine, theirs, strict=True):
            assert one.pop("log_prob") == pytest.approx(other.pop("log_prob"), abs=1e-3)
            assert one.pop("score") == pytest.approx(other.pop("score"), abs=1e-3)
            assert one == other


def test_a_text_has_a_list_for_each_mask_and_a_list_of_texts_a_list_of_these(server, alone):
    assert_same(ask(server, TEXTS[0]).json, alone.rank(TEXTS[0], CANDIDATES))
    for inputs in (TEXTS, TEXTS[:1]):
        for got, text in zip(ask(server, inputs).json, inputs, strict=True):
            assert_same(got, alone.rank(text, CANDIDATES))
    assert ask(server, []).json == []


@pytest.mark.parametrize("parameters", [{"method": "parallel"}, {"normalize": "pieces"}, {"truncation": "window"}])
def test_parameters_are_those_of_the_library(server, alone, parameters):
    assert_same(ask(server, TEXTS[1], **parameters).json, alone.rank(TEXTS[1], CANDIDATES, **parameters))


def test_each_model_has_its_rankings(server):
    reply = ask(server, "the <mask> is", path="/models/bytelevel/rank", candidates=["日本", "cat"])
    assert {each["text"] for each in reply.json[0]} == {"日本", "cat"}
    assert ask(server, "a [MASK]", path="/models/none/rank").status == 404


def test_a_stream_has_a_line_for_each_text_and_a_bad_one_reports_itself(server, alone):
    first, second, third = map(json.loads, ask(server, [TEXTS[0], "none", TEXTS[1]], headers=LINES).body.splitlines())
    assert_same(first["ranking"], alone.rank(TEXTS[0], CANDIDATES))
    assert second["error_type"] == "invalid_input"
    assert_same(third["ranking"], alone.rank(TEXTS[1], CANDIDATES))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"inputs": "none", "parameters": {"candidates": ["a"]}}, "inputs: No mask_token"),
        ({"inputs": "[MASK]"}, "parameters: "),
        ({"inputs": "[MASK]", "parameters": {}}, "parameters.candidates: "),
        (
            {"inputs": "[MASK]", "parameters": {"candidates": []}},
            "parameters.candidates: candidates must have at least",
        ),
        ({"inputs": "[MASK]", "parameters": {"candidates": ["☃"]}}, "parameters.candidates: a candidate has a token"),
        ({"inputs": "[MASK]", "parameters": {"candidates": ["x" * 257]}}, "parameters.candidates[0]: a candidate has"),
        ({"inputs": "[MASK]", "parameters": {"candidates": ["a"], "method": "pll"}}, "parameters.method: "),
    ],
)
def test_what_is_wrong_is_named_by_its_field(server, body, message):
    reply = server.request("POST", "/rank", body)
    assert reply.status == 422
    assert reply.error.startswith(message)


def test_unknown_members_are_ignored_with_a_warning(server):
    reply = ask(server, TEXTS[0], top_k=3)
    assert reply.status == 200
    assert "parameters.top_k" in reply.headers["x-warnings"]


def test_rankings_are_described(server):
    described = server.get("/openapi.json").json
    operation = described["paths"]["/rank"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/RankBody")
    for name in ("RankedCandidate", "RankParameters", "RankLine"):
        assert name in described["components"]["schemas"], name


def test_the_weight_is_known_before_a_run_and_no_lower_than_what_runs(server, alone):
    parameters = RANK.resolve(alone.model, candidates=CANDIDATES).value
    assert parameters.rows(TEXTS[0]) == 3  # one for the words of one token, two for the two pieces
    assert parameters.rows(TEXTS[1]) == 3  # beside the model's own mask {mask} is text
    assert parameters.rows("{mask} and <mask>") == 6
    assert weights(RANK_TEXTS, ["x" * 392 + "[MASK]"], parameters) == [3 * 103]
    words = "word " * 60
    ran = int(ask(server, words + "[MASK]").headers["x-compute-tokens"])
    assert ran == 2 * 64 + 64 - 1  # [CLS], 60 words, the pieces and [SEP]
    assert weights(RANK_TEXTS, [words + "[MASK]"], parameters)[0] >= ran


def test_the_server_runs_a_thousand_words_of_one_token_in_one_row(server, alone):
    tokenizer = alone.tokenizer.tokenizer
    words = [tokenizer.id_to_token(token) for token in range(2000, 3000)]
    reply = ask(server, "a [MASK]", candidates=[word for word in words if word.isalpha()])
    assert reply.status == 200
    assert reply.headers["x-compute-tokens"] == "4"
