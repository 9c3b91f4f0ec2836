"""The server's predictions equal those of transformers, in the shapes of the task."""

import json
from pathlib import Path

import pytest

from fillmask.server.routes import FILL_MASK_PATHS
from tests.support import serving
from tests.support.agreement import Outcome, assert_same_answers
from tests.support.cases import MASK
from tests.support.serving import TEXT

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = {path.parent.name: json.loads(path.read_text("utf-8"))["cases"] for path in GOLDEN.glob("*/cases.json")}
# Lone surrogates are left out: UTF-8 cannot carry them.
MASKS = {"wordpiece": "[MASK]", "wordpiece_cased": "[MASK]", "bytelevel": "<mask>", "unigram": "<mask>"}


def sendable(case):
    try:
        json.dumps(case["call"], ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return not case["call"]["lazy"]


@pytest.mark.parametrize("family", sorted(CASES))
def test_every_corner_case_gets_the_predictions_that_transformers_gave(server, family):
    compared = 0
    for case in filter(sendable, CASES[family]):
        call, theirs = case["call"], Outcome(**case["outcome"])
        inputs = json.loads(json.dumps(call["inputs"]).replace(json.dumps(MASK)[1:-1], MASKS[family]))
        reply = server.ask(inputs, f"/models/{family}", **call["parameters"])
        if theirs.error:
            assert reply.status == 422, (call, reply)
            assert theirs.error[0] == "TopKError" or theirs.error[1] in reply.error, (theirs.error, reply)
        else:
            assert reply.status == 200, (call, reply)
            assert_same_answers(reply.json, theirs.answer)
            assert json.loads(reply.headers.get("x-warnings", "[]")) == list(dict.fromkeys(theirs.warnings))
        compared += 1
    assert compared > 20


@pytest.mark.parametrize("path", [path.replace("{model:path}", "minilm-en") for path in FILL_MASK_PATHS])
def test_every_route_gives_the_same_predictions(server, alone, path):
    assert server.ask(TEXT, path).json == alone(TEXT)


def test_a_model_may_have_a_slash_in_its_name():
    with serving.serve("org/some.model=" + str(GOLDEN / "wordpiece" / "model")) as served:
        for path in FILL_MASK_PATHS:
            assert served.ask("a [MASK]", path.replace("{model:path}", "org/some.model")).status == 200
            assert served.ask("a [MASK]", path.replace("{model:path}", "org%2Fsome.model")).status == 200
        assert [model["model_id"] for model in served.get("/models").json] == ["org/some.model"]


def test_a_body_without_parameters_and_one_with_all_there_is(server, alone):
    assert server.request("POST", "/", {"inputs": TEXT}).json == alone(TEXT)
    options = {"use_cache": False, "wait_for_model": True}
    parameters = {"top_k": 2, "targets": ["city", "capital", "town"], "truncation": None}
    body = {"inputs": TEXT, "parameters": parameters, "options": options}
    assert server.request("POST", "/", body).json == alone(TEXT, top_k=2, targets=["city", "capital", "town"])


@pytest.mark.parametrize("nothing", [None, {}, {"top_k": None, "targets": None}])
def test_parameters_that_are_null_are_not_given(server, alone, nothing):
    assert server.request("POST", "/", {"inputs": TEXT, "parameters": nothing}).json == alone(TEXT)


def test_texts_keep_their_order(server, alone):
    texts = [f"{word} is the [MASK] of {'France ' * (index % 5)}." for index, word in enumerate(["Paris", "Rome"] * 16)]
    assert_same_answers(server.ask(texts, top_k=1).json, alone(texts, top_k=1))


def test_unicode_goes_through(server, alone):
    text = "☕ naïve Ωmega עברית 中文 e\u0301 🏳️\u200d🌈 [MASK]."
    assert server.ask(text).json == alone(text)


def test_a_long_text_is_cut_with_truncation(server, alone):
    text = "They talked about the weather. " * 300 + "She drank a cup of [MASK]."
    refused = server.ask(text)
    assert refused.status == 422
    assert "1809 tokens" in refused.error
    assert server.ask(text, truncation="window").json == alone(text, truncation="window")


def test_warnings_come_in_a_header_that_is_ascii(server):
    reply = server.ask(TEXT, targets=["cité", "city"])
    assert reply.status == 200
    assert "`cité`" in json.loads(reply.headers["x-warnings"])[0]
    assert reply.headers["x-warnings"].isascii()


def test_many_warnings_stay_within_a_client_s_header_limit(server):
    reply = server.ask(TEXT, targets=[f"unheardofword{number}" for number in range(256)])
    assert reply.status == 200
    assert len(reply.headers["x-warnings"]) < 5000
    assert json.loads(reply.headers["x-warnings"])[-1].endswith(" more")


def test_unknown_members_are_ignored_with_a_warning(server, alone):
    body = {"inputs": TEXT, "parameters": {"temperature": 1}, "stream": True}
    reply = server.request("POST", "/", body)
    assert reply.json == alone(TEXT)
    assert json.loads(reply.headers["x-warnings"]) == [
        "'parameters.temperature' is not known here and was ignored",
        "'stream' is not known here and was ignored",
    ]
