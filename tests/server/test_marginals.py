"""Marginals over HTTP: those of the library, weighed by the runs that they take, their size limited before they run."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from fillmask import FillMask
from fillmask.artifact.folder import EMBEDDED
from fillmask.server.http_errors import HttpError
from fillmask.server.marginals import MARGINALS_OF_TEXTS
from fillmask.server.registry import ServedModel
from fillmask.server.settings import Settings
from fillmask.tasks.marginals import resolve
from tests.support import weighing

TEXT = "The keys to the cabinet are on the table."
VERBS = ["is", "are", "was"]
LINES = {"accept": "application/x-ndjson"}
GOLDEN = EMBEDDED.parents[3] / "tests" / "golden"


def ask(server, inputs, path="/marginals", headers=None, **parameters):
    return server.request("POST", path, {"inputs": inputs, "parameters": parameters}, headers)


def assert_same(got, found, tolerance=1e-3):
    """A matrix of a response and of the library, whose runs may hold other rows."""
    assert got.keys() == {"tokens", "alphabet", "log_probs"}
    assert (got["tokens"], got["alphabet"]) == (list(found.tokens), list(found.alphabet))
    np.testing.assert_allclose(got["log_probs"], found.log_probs, rtol=0, atol=tolerance)


def test_a_text_has_a_matrix_and_a_list_a_list(server, alone):
    assert_same(ask(server, TEXT, alphabet=VERBS).json, alone.marginals(TEXT, alphabet=VERBS))
    for inputs in ([TEXT, "a cat"], [TEXT]):
        for got, text in zip(ask(server, inputs, alphabet="abc").json, inputs, strict=True):
            assert_same(got, alone.marginals(text, alphabet="abc"))
    assert ask(server, []).json == []


def test_without_an_alphabet_every_ordinary_token_is_read(server, alone):
    assert_same(ask(server, "a cat").json, alone.marginals("a cat"))


def test_parameters_and_models_are_those_of_the_library(server):
    model = FillMask(GOLDEN / "wordpiece" / "model", threads=1)
    path, alphabet = "/models/wordpiece/marginals", "abc"
    got = ask(server, TEXT, path=path, alphabet=alphabet, masked=False, truncation="window").json
    assert_same(got, model.marginals(TEXT, alphabet=alphabet, masked=False), tolerance=1e-5)
    assert ask(server, TEXT, path="/models/none/marginals").status == 404


def test_a_stream_has_a_line_for_each_text_and_a_bad_one_reports_itself(server, alone):
    reply = ask(server, [TEXT, "", "a cat"], headers=LINES, alphabet=VERBS)
    first, second, third = map(json.loads, reply.body.splitlines())
    assert_same(first["marginals"], alone.marginals(TEXT, alphabet=VERBS))
    assert second == {"index": 1, "error": "the text has no token to read", "error_type": "invalid_input"}
    assert_same(third["marginals"], alone.marginals("a cat", alphabet=VERBS))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"inputs": ""}, "inputs: the text has no token to read"),
        ({"inputs": 3}, "inputs: "),
        ({"inputs": "a", "parameters": {"alphabet": 1}}, "parameters.alphabet: "),
        ({"inputs": "a", "parameters": {"alphabet": "aa"}}, "parameters: the alphabet names a token twice"),
        ({"inputs": "a", "parameters": {"alphabet": ["qqqq"]}}, "parameters: 'qqqq' in the alphabet is not a token"),
        ({"inputs": "a", "parameters": {"alphabet": ["a"] * 257}}, "parameters.alphabet: at most 256 tokens, got 257"),
        ({"inputs": "a", "parameters": {"alphabet": ["a", "b" * 65]}}, "parameters.alphabet[1]: a token has at most 6"),
        ({"inputs": "a", "parameters": {"masked": 1}}, "parameters.masked: "),
        ({"inputs": "a", "parameters": {"truncation": "right"}}, "parameters.truncation: "),
        ({"inputs": "a b " * 50}, "inputs: 100 positions of 30"),
        ({}, "inputs: "),
    ],
)
def test_what_is_wrong_is_named_by_its_field(server, body, message):
    reply = server.request("POST", "/marginals", body)
    assert reply.status == 422
    assert reply.error.startswith(message)


def test_unknown_members_are_ignored_with_a_warning(server):
    body = {"inputs": "the", "parameters": {"most_log_probs": 1, "alphabet": "a"}}
    reply = server.request("POST", "/marginals", body)
    assert reply.status == 200
    assert "parameters.most_log_probs" in reply.headers["x-warnings"]


def test_marginals_are_described(server):
    described = server.get("/openapi.json").json
    operation = described["paths"]["/marginals"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/MarginalsBody")
    lines = operation["responses"]["200"]["content"]["application/x-ndjson"]["schema"]["$ref"]
    for name in ("Marginals", "MarginalsParameters", lines.rpartition("/")[2]):
        assert name in described["components"]["schemas"], name


# Limits


def test_the_largest_matrix_fits_into_the_response(alone):
    parameters = MARGINALS_OF_TEXTS.bound(resolve(alone.model).value, Settings(max_response_bytes=1100))
    assert parameters.most_log_probs == 100
    assert len(json.dumps([-12.345678] * 100)) <= 1100 + 100


def weights(texts, *, masked=True, truncation=None, alphabet=(1,), most_log_probs=10**6, **options):
    """The weights of the texts of a request."""
    return weighing.weights(
        MARGINALS_OF_TEXTS,
        texts,
        SimpleNamespace(alphabet=alphabet, most_log_probs=most_log_probs),
        arguments={"masked": masked, "truncation": truncation},
        **options,
    )


def test_a_text_weighs_its_rows_times_its_tokens():
    assert weights(["x" * 392, "x" * 3992]) == [100 * 100 + 1, 1000 * 512 + 10]
    assert weights(["M" * 98, "M" * 998], bytes_per_token=1) == [100 * 100 + 1, 1000 * 512 + 10]
    with pytest.raises(HttpError, match="a request has at most 99 tokens to read, got about 100"):
        weights(["x" * 392], max_reads=99)


def test_unmasked_a_text_weighs_its_tokens_and_in_windows_twice_as_many():
    assert weights(["x" * 392, "x" * 3992], masked=False, max_reads=1) == [100 + 1, 512 + 10]
    assert weights(["x" * 3992], masked=False, truncation="window") == [2000 + 10]


def test_a_text_weighs_its_numbers_besides(monkeypatch):
    """A hundred take as long as a token; of a vocabulary of words a short text has a million."""
    assert weights(["x" * 112], alphabet=range(20)) == [30 * 30 + 6]
    assert weights(["x" * 112], alphabet=None) == [30 * 30 + 30 * 30_522 // 100]
    assert weights(["x" * 112], alphabet=None, most_log_probs=5000) == [30 * 30 + 50]  # larger ones are refused later
    monkeypatch.setattr(weighing, "VOCABULARY", 33)
    assert weights(["M" * 28], alphabet=None, bytes_per_token=1) == [30 * 30 + 6]


def test_a_token_of_a_model_of_letters_is_a_byte(alone):
    assert ServedModel("a", alone.model).bytes_per_token == 4
    letters = SimpleNamespace(vocab_size=33)
    assert ServedModel("b", letters).bytes_per_token == 1


def test_a_text_that_is_more_than_the_queue_is_refused_before_it_runs(server):
    reply = ask(server, "word " * 400, truncation="window", alphabet="a")
    assert reply.status == 413
    assert "a request at most 65536" in reply.error
