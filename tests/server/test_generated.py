"""Requests generated from the OpenAPI description, and texts of any kind: none is a server error."""

import http.client
import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fillmask.server.http_errors import ERROR_TYPES
from tests.support import serving

FEW = settings(max_examples=60, deadline=None, derandomize=True, database=None,
               suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
WORDS = st.sampled_from(
    ["[MASK]", "<mask>", "{mask}", "the", " ", ".", "##ing", "[CLS]", "\n", "é", "中", "🏳️‍🌈", "\u200d", "ﷺ"]
)
TEXTS = st.lists(WORDS | st.text(max_size=5), max_size=12).map("".join)
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "top_k": st.integers(-2, 110) | JSON,
        "targets": st.lists(st.text(max_size=70), max_size=6) | JSON,
        "truncation": st.sampled_from(["right", "window", "left"]) | JSON,
        "other": JSON,
    },
)
BODIES = st.fixed_dictionaries(
    {"inputs": TEXTS | st.lists(TEXTS, max_size=5) | JSON},
    optional={"parameters": PARAMETERS | JSON, "options": JSON, "x": JSON},
)


@pytest.fixture(scope="module")
def connection(server):
    made = http.client.HTTPConnection(*server.address, timeout=30)
    yield made
    made.close()


def check(reply):
    assert reply.status in {200} | (ERROR_TYPES.keys() - {500}), reply
    if reply.status != 200:
        assert reply.error
        return
    for rows in flat(reply.json):
        assert rows.keys() == {"score", "token", "token_str", "sequence"}
        assert math.isfinite(rows["score"])
        assert 0 <= rows["score"] <= 1


def flat(answer):
    for each in answer:
        if isinstance(each, dict):
            yield each
        else:
            yield from flat(each)


@FEW
@given(BODIES)
def test_a_nearly_valid_body_is_no_server_error(connection, body):
    check(serving.exchange(connection, "POST", "/", body))


@FEW
@given(JSON)
def test_any_json_is_no_server_error(connection, body):
    check(serving.exchange(connection, "POST", "/", json.dumps(body).encode()))


@FEW
@given(st.binary(max_size=300))
def test_any_bytes_are_no_server_error(connection, body):
    check(serving.exchange(connection, "POST", "/", body))


@FEW
@given(TEXTS.filter(lambda text: "[MASK]" in text), st.integers(0, 5))
def test_the_server_predicts_what_the_library_predicts(connection, alone, text, top_k):
    reply = serving.exchange(connection, "POST", "/", {"inputs": text, "parameters": {"top_k": top_k}})
    assert reply.status == 200
    assert reply.json == alone(text, top_k=top_k)


@pytest.mark.slow
def test_ten_thousand_requests_made_from_the_description(server):
    from tests.support.generated import run

    counted = run(server, 10_000)
    assert counted.requests >= 10_000
    assert counted.failures == []


def test_requests_made_from_the_description(server):
    from tests.support.generated import run

    counted = run(server, 100)
    assert counted.requests >= 100
    assert counted.failures == []
