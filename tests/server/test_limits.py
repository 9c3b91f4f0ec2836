"""Every limit holds exactly: up to it a request passes, one more fails, and the error names the limit."""

import json

import psutil
import pytest

from fillmask.server.request import read_top_k
from fillmask.server.settings import Settings
from tests.support import serving
from tests.support.serving import JSON

LIMITS = {
    "--max-body-bytes": 3000,
    "--max-texts": 3,
    "--max-stream-texts": 5,
    "--max-characters": 1000,
    "--max-masks": 4,
    "--max-request-masks": 6,
    "--max-top-k": 7,
    "--max-targets": 5,
    "--max-candidates": 6,
    "--max-reads": 3,
    "--max-timeout-ms": 20_000,
    "--max-queue-tokens": 400,
}
WORDS = ["city", "capital", "town", "state", "river", "house", "door", "cat"]


@pytest.fixture(scope="module")
def small():
    with serving.serve(*[word for flag, value in LIMITS.items() for word in (flag, str(value))]) as served:
        yield served


def body(size):
    around = len(json.dumps({"inputs": "a [MASK]", "options": {"x": ""}}))
    return json.dumps({"inputs": "a [MASK]", "options": {"x": "y" * (size - around)}}).encode()


BODIES = {
    "--max-texts": lambda limit: {"inputs": ["a [MASK]"] * limit},
    "--max-characters": lambda limit: {"inputs": "[MASK] " + "x" * (limit - 7), "parameters": {"truncation": "right"}},
    "--max-masks": lambda limit: {"inputs": "[MASK]" * limit},
    "--max-request-masks": lambda limit: {"inputs": ["[MASK]" * 3, "[MASK]" * (limit - 3)]},
    "--max-top-k": lambda limit: {"inputs": "a [MASK]", "parameters": {"top_k": limit}},
    "--max-targets": lambda limit: {"inputs": "a [MASK]", "parameters": {"targets": WORDS[:limit]}},
}


@pytest.mark.parametrize("flag", BODIES)
def test_a_request_may_be_as_large_as_its_limit(small, flag):
    limit = LIMITS[flag]
    for size in (limit - 1, limit):
        assert small.request("POST", "/", BODIES[flag](size)).status == 200, size
    reply = small.request("POST", "/", BODIES[flag](limit + 1))
    assert reply.status == 422
    assert f" {limit}" in reply.error
    assert f"got {limit + 1}" in reply.error


def test_targets_are_limited_in_number_and_length(small):
    assert small.ask("a [MASK]", targets=WORDS[:6]).error == "parameters.targets: at most 5 targets, got 6"
    error = small.ask("a [MASK]", targets=["a", "b" * 65]).error
    assert error == "parameters.targets[1]: a target has at most 64 characters, got 65"


def test_candidates_and_their_rows_may_be_as_many_as_their_limits(small):
    def rank(candidates, masks=1):
        parameters = {"candidates": candidates}
        return small.request("POST", "/rank", {"inputs": "a" + " [MASK]" * masks, "parameters": parameters})

    assert rank(WORDS[:6]).status == 200
    assert "parameters.candidates: at most 6 candidates, got 7" in rank(WORDS[:7]).error
    assert rank(WORDS[:6], masks=3).status == 200  # words of one token take one row for each mask
    expected = "parameters: a request has at most 3 rows to run, got about 4; send fewer candidates or masks, or method"
    assert rank(WORDS[:6], masks=4).error.startswith(expected)


def test_the_words_of_labels_are_counted_without_their_names(small):
    def classify(labels):
        parameters = {"labels": labels, "template": "{text} {mask}"}
        return small.request("POST", "/classify", {"inputs": "a", "parameters": parameters})

    assert classify({f"label {word}": [word] for word in WORDS[:6]}).status == 200
    error = classify({"one": WORDS[:4], "other": WORDS[4:]}).error
    assert error == "parameters.labels: at most 6 candidates, got 8"
    assert classify({"x" * 257: WORDS[:1]}).error.startswith("parameters.labels[0]: a candidate has at most 256")


def test_filled_texts_have_the_limit_of_predictions(small):
    asked = {"inputs": "a [MASK]", "parameters": {"top_k": LIMITS["--max-top-k"]}}
    assert small.request("POST", "/infill", asked).status == 200
    reply = small.request("POST", "/infill", asked | {"parameters": {"top_k": 8}})
    assert (reply.status, reply.error) == (422, "parameters.top_k: at most 7, got 8")


def test_the_default_of_top_k_is_within_its_limit():
    assert read_top_k(None, Settings()) == 5
    assert read_top_k(None, Settings(max_top_k=3)) == 3


def test_info_has_the_limits(small):
    info = small.get("/info").json
    names = {flag: flag[2:].replace("-", "_") for flag in LIMITS} | {"--max-texts": "max_client_batch_size"}
    for flag in LIMITS.keys() - {"--max-body-bytes", "--max-timeout-ms"}:
        assert info[names[flag]] == LIMITS[flag], flag


def test_masks_count_as_the_model_finds_them(small):
    assert small.ask("[MASK] of {mask} {mask} {mask} {mask}").status == 200
    reply = small.ask(["a [MASK]", "{mask} {mask} <mask> <mask> {mask}"])
    assert (reply.status, reply.error) == (422, "inputs[1]: a text has at most 4 masks, got 5")
    for path in ("/rank", "/infill"):
        parameters = {"candidates": WORDS[:2]} if path == "/rank" else {"top_k": 1}
        asked = {"inputs": "[MASK] of {mask} {mask} {mask} {mask}", "parameters": parameters}
        assert small.request("POST", path, asked).status == 200
        reply = small.request("POST", path, asked | {"inputs": "[MASK] " * 5})
        assert (reply.status, reply.error) == (422, "inputs: a text has at most 4 masks, got 5")


def test_masks_have_no_limit_where_none_is_filled(small, server):
    labels = {"inputs": "[MASK] <mask> {mask} " * 3, "parameters": {"labels": WORDS[:2]}}
    assert small.request("POST", "/classify", labels).status == 200
    text = "a [MASK] is no {mask} " * 9
    assert server.request("POST", "/score", {"inputs": text}).status == 200
    assert server.request("POST", "/marginals", {"inputs": text, "parameters": {"alphabet": ["is"]}}).status == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_may_be_as_large_as_its_limit(small, chunked):
    limit = LIMITS["--max-body-bytes"]
    headers = JSON | ({"transfer-encoding": "chunked"} if chunked else {})
    for size in (limit - 1, limit, limit + 1):
        content = body(size)
        assert len(content) == size
        sent = b"%x\r\n%s\r\n0\r\n\r\n" % (size, content) if chunked else content
        reply = small.request("POST", "/", sent, headers)
        assert reply.status == (200 if size <= limit else 413)
    assert f"{limit} bytes" in reply.error


def test_lines_may_be_as_many_as_their_limit(small):
    lines = {"accept": "application/x-ndjson"}
    for count in (4, 5):
        assert len(small.ask(["a [MASK]"] * count, headers=lines).body.splitlines()) == count
    assert "at most 5 texts" in small.ask(["a [MASK]"] * 6, headers=lines).error


def test_a_deadline_may_be_as_long_as_its_limit(small):
    for late, status in (("19999", 200), ("20000", 200), ("20001", 422), ("0" * 5000 + "20000", 200)):
        assert small.ask("a [MASK]", headers={"x-request-timeout-ms": late}).status == status


def test_a_request_larger_than_the_queue_is_no_overload(small):
    reply = small.ask(["word " * 150 + "[MASK]"] * 3)
    assert reply.status == 413
    assert "at most 400" in reply.error


def test_texts_of_as_many_tokens_as_the_model_takes(server):
    assert server.ask("a " * 509 + "[MASK]").headers["x-compute-tokens"] == "512"
    assert "513 tokens and the model takes at most 512" in server.ask("a " * 510 + "[MASK]").error


def test_a_body_that_is_far_too_large_takes_no_memory(small):
    process = psutil.Process(small.process.pid)
    small.ask("a [MASK]")
    before = process.memory_info().rss
    with small.connect() as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"
        )
        try:
            for _ in range(200):
                connection.sendall(b"x" * 100_000)
        except OSError:
            pass
        assert b"413" in serving.rest(connection, 0.5)
    assert process.memory_info().rss - before < 3_000_000


def test_the_bodies_of_all_requests_have_a_limit_together():
    with serving.serve("--max-held-bytes", "300000", "--receive-timeout", "3") as served:
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 200001\r\n\r\n"
        with served.connect() as first, served.connect() as second:
            first.sendall(head + b" " * 200_000)
            assert served.ask("a [MASK]").status == 200
            second.sendall(head + b" " * 200_000)
            assert serving.rest(second, 0.5).startswith(b"HTTP/1.1 429 ")
            assert served.ask("a [MASK]").status == 200
        serving.wait_for(lambda: served.events("request", status=499))
        assert served.ask(["a [MASK] " + "x" * 9000] * 20, truncation="right").status == 200
