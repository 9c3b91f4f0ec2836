"""Labels over HTTP: those of the library, and Hugging Face's zero-shot classification."""

import json
from dataclasses import asdict

import pytest
from huggingface_hub import InferenceClient

from fillmask.server.classify import CLASSIFY_TEXTS
from fillmask.server.http_errors import HttpError
from fillmask.server.zero_shot import _EARLIER_CLIENT
from fillmask.tasks.classify import CLASSIFY, as_json
from tests.support.weighing import weights

TEXTS = ["The striker scored twice in the final.", "Parliament passed the law."]
LABELS = {"sports": ["sports", "football match"], "politics": ["politics", "government"]}
TEMPLATE = "{text} It is about {mask}."
LINES = {"accept": "application/x-ndjson"}


def ask(server, inputs, path="/classify", headers=None, **parameters):
    body = {"inputs": inputs, "parameters": {"labels": LABELS, "template": TEMPLATE, **parameters}}
    return server.request("POST", path, body, headers)


def assert_same(got, labels):
    expected = as_json(labels)
    assert [each["label"] for each in got] == [each["label"] for each in expected]
    for mine, theirs in zip(got, expected, strict=True):
        assert mine.keys() == theirs.keys()
        assert mine["score"] == pytest.approx(theirs["score"], abs=1e-3)
        assert mine["log_prob"] == pytest.approx(theirs["log_prob"], abs=1e-3)
        assert mine.get("prior") == theirs.get("prior")


def test_a_text_has_its_labels_and_a_list_a_list(server, alone):
    assert_same(ask(server, TEXTS[0]).json, alone.classify(TEXTS[0], LABELS, TEMPLATE))
    for inputs in (TEXTS, TEXTS[:1]):
        for got, text in zip(ask(server, inputs).json, inputs, strict=True):
            assert_same(got, alone.classify(text, LABELS, TEMPLATE))


@pytest.mark.parametrize("parameters", [{"temperature": 2.5, "aggregate": "max"}, {"truncation": "right"}])
def test_parameters_are_those_of_the_library(server, alone, parameters):
    text = TEXTS[0] * (300 if "truncation" in parameters else 1)
    assert_same(ask(server, text, **parameters).json, alone.classify(text, LABELS, TEMPLATE, **parameters))


def test_a_prior_is_sent_as_json(server, alone):
    prior = alone.fit_prior(labels=LABELS, template=TEMPLATE)
    for multi in (False, True):
        expected = alone.classify(TEXTS[1], LABELS, TEMPLATE, prior=prior, multi_label=multi)
        assert_same(ask(server, TEXTS[1], prior=asdict(prior), multi_label=multi).json, expected)


def test_a_stream_has_a_line_for_each_text(server, alone):
    long = "word " * 600
    first, second, third = map(json.loads, ask(server, [TEXTS[0], long, TEXTS[1]], headers=LINES).body.splitlines())
    assert_same(first["labels"], alone.classify(TEXTS[0], LABELS, TEMPLATE))
    assert second["error_type"] == "invalid_input"
    assert_same(third["labels"], alone.classify(TEXTS[1], LABELS, TEMPLATE))


def test_nothing_in_a_text_is_a_placeholder(server):
    assert ask(server, "the {mask} and {text}").status == 200


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"labels": []}, "parameters: labels must have at least one label"),
        ({"labels": ["☃"]}, "parameters.labels: a candidate has a token that is not in the vocabulary"),
        ({"labels": ["x" * 257]}, "parameters.labels[0]: a candidate has at most 256 characters"),
        ({"labels": 3}, "parameters.labels"),
        ({"template": "none"}, "parameters: a template has one {text} and one mask"),
        ({"template": [TEMPLATE] * 9}, "parameters.template: at most 8 templates, got 9"),
        ({"template": TEMPLATE + "x" * 20_000}, "parameters.template: a template has at most 20000 characters"),
        ({"multi_label": True}, "parameters: multi_label needs a prior"),
        ({"prior": {}}, "parameters: the prior is not one that fit_prior made"),
        ({"temperature": 0.0}, "parameters: temperature must be a number above 0"),
        ({"aggregate": "sum"}, "parameters.aggregate"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(server, parameters, message):
    reply = ask(server, TEXTS[0], **parameters)
    assert reply.status == 422
    assert reply.error.startswith(message)


def test_the_weight_is_known_before_a_run_and_no_lower_than_what_runs(server, alone):
    parameters = CLASSIFY.resolve(alone.model, labels=LABELS, template=[TEMPLATE, "{mask}: {text}"]).value
    assert parameters.rows("") == 2 * 3  # in each template one row for words of one token, two for two pieces
    text = "word " * 100
    reply = ask(server, text, template=[TEMPLATE, "{mask}: {text}"])
    assert 600 < int(reply.headers["x-compute-tokens"]) <= weights(CLASSIFY_TEXTS, [text], parameters)[0]


# Hugging Face's task


@pytest.mark.usefixtures("loopback")
def test_the_client_gets_the_labels_of_the_library(server, alone):
    labels = ["sports", "politics"]
    for path in ("", "/models/minilm-en"):
        client = InferenceClient(model=f"{server.url}{path}/zero-shot-classification")
        found = client.zero_shot_classification(TEXTS[0], labels)
        expected = alone.classify(TEXTS[0], labels)
        assert [each.label for each in found] == [each.label for each in expected]
        assert [each.score for each in found] == pytest.approx([each.score for each in expected], abs=1e-3)
    client = InferenceClient(model=f"{server.url}/zero-shot-classification")
    found = client.zero_shot_classification(TEXTS[1], labels, hypothesis_template="It is about {}.")
    expected = alone.classify(TEXTS[1], labels, TEMPLATE)
    assert [each.score for each in found] == pytest.approx([each.score for each in expected], abs=1e-3)


@pytest.mark.usefixtures("loopback")
def test_several_labels_at_a_time_need_a_prior(server):
    client = InferenceClient(model=f"{server.url}/zero-shot-classification")
    with pytest.raises(Exception, match="multi_label needs a prior"):
        client.zero_shot_classification(TEXTS[0], ["sports"], multi_label=True)


def zero_shot(server, agent, inputs=TEXTS[0], **parameters):
    body = {"inputs": inputs, "parameters": {"candidate_labels": ["sports", "politics"], **parameters}}
    return server.request("POST", "/zero-shot-classification", body, {"user-agent": agent})


def test_the_shape_is_the_one_that_the_client_reads(server):
    rows = zero_shot(server, "unknown/None; hf_hub/2.4.0; python/3.11").json
    assert zero_shot(server, "curl/8").json == rows
    columns = zero_shot(server, "unknown/None; hf_hub/0.36.2; python/3.11").json
    assert columns == {name: [each[name[:-1]] for each in rows] for name in ("labels", "scores")}
    assert [each.keys() for each in rows] == [{"label", "score"}] * 2
    assert zero_shot(server, "curl/8", candidate_labels="sports, politics,").json == rows
    assert zero_shot(server, "curl/8", inputs=[TEXTS[0]]).json == [rows]


@pytest.mark.parametrize(
    ("version", "earlier"),
    [("0.36.2", True), ("1.0.1", True), ("1.1.4", True), ("1.1.5", False), ("1.10.2", False), ("2.4.0", False)],
)
def test_which_clients_are_earlier(version, earlier):
    assert bool(_EARLIER_CLIENT.search(f"unknown/None; hf_hub/{version}; python/3.11")) is earlier


@pytest.mark.parametrize("template", ["none", "{} {}", ""])
def test_a_hypothesis_has_one_place_for_the_label(server, template):
    reply = zero_shot(server, "curl/8", hypothesis_template=template)
    assert reply.status == 422
    assert reply.error.startswith("parameters.hypothesis_template: it has {} once")


def test_what_errors_recommend_has_an_effect(server, alone):
    """The server refuses a long text with ``truncation``, and too many rows with ``method``."""
    long = "sports " * 600
    assert "truncation 'right'" in zero_shot(server, "curl/8", inputs=long).error
    expected = alone.classify(long, ["sports", "politics"], "{text} This example is {mask}.", truncation="right")
    assert_same_scores(zero_shot(server, "curl/8", inputs=long, truncation="right").json, expected)
    words = ["association football", "parliamentary politics"]
    expected = alone.classify(TEXTS[0], words, "{text} This example is {mask}.", method="parallel")
    got = zero_shot(server, "curl/8", candidate_labels=words, method="parallel")
    assert "x-warnings" not in got.headers
    assert_same_scores(got.json, expected)


def assert_same_scores(got, labels):
    assert [each["label"] for each in got] == [each.label for each in labels]
    assert [each["score"] for each in got] == pytest.approx([each.score for each in labels], abs=1e-3)


def test_an_error_names_the_field_of_the_template(server):
    error = zero_shot(server, "curl/8", hypothesis_template="{}" + "x" * 20_000).error
    assert error.startswith("parameters.hypothesis_template: a template has at most 20000 characters")


def test_too_many_rows_name_what_helps(alone):
    parameters = CLASSIFY.resolve(alone.model, labels=LABELS, template=TEMPLATE).value
    with pytest.raises(HttpError, match="send fewer labels, words or templates, or method 'parallel', or fewer texts"):
        weights(CLASSIFY_TEXTS, TEXTS, parameters, max_reads=3)


def test_both_are_described(server):
    described = server.get("/openapi.json").json
    for path, title in (("/classify", "ClassifyBody"), ("/zero-shot-classification", "ZeroShotBody")):
        schema = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert schema["$ref"].endswith(f"/{title}")
