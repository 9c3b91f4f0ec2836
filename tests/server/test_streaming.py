"""Lists of any length, with one line of NDJSON for each text."""

import http.client
import json

import pytest

from fillmask.server.schema import FillMaskLine
from tests.support import serving
from tests.support.agreement import assert_same_answers
from tests.support.serving import JSON, TEXT, wait_for

LINES = {"accept": "application/x-ndjson"}

FAILING = """
from fillmask.errors import FillMaskError
from fillmask.runtime.session import Session
run = Session.run
def fail_on_two_masks(self, input_ids, attention_mask, positions, *rest):
    if positions.shape[1] == 2:
        raise FillMaskError("planted")
    return run(self, input_ids, attention_mask, positions, *rest)
Session.run = fail_on_two_masks
"""


def lines(reply):
    assert reply.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in reply.body.splitlines()]


def test_each_text_has_its_line_in_order(server, alone):
    texts = [f"The [MASK] number {number} has a [MASK]." for number in range(100)]
    found = lines(server.ask(texts, headers=LINES, top_k=2))
    assert [line["index"] for line in found] == list(range(100))
    assert_same_answers([line["predictions"] for line in found], [alone(text, top_k=2) for text in texts])


def test_one_mask_is_a_list_of_one_list_as_in_predict(server, alone):
    (line,) = lines(server.ask(TEXT, headers=LINES))
    assert line == {"index": 0, "predictions": [alone(TEXT)]}


def test_a_replaced_target_is_named_once_for_all_lines(server):
    reply = server.ask([TEXT, "a [MASK]"], headers=LINES, targets=["city", "unheardof"])
    (message,) = json.loads(reply.headers["x-warnings"])
    assert "Replacing with `un`" in message
    assert not any("warnings" in line for line in lines(reply))


def test_a_bad_text_reports_itself_and_the_rest_flows(server):
    long = "a [MASK]" + " word" * 600 + " [MASK]"
    good, bad, warned = lines(server.ask([TEXT, "no mask", long], headers=LINES, truncation="right"))
    assert "predictions" in good
    assert bad["error"] == "No mask_token ([MASK]) found on the input"
    assert bad["error_type"] == "invalid_input"
    assert "cut off 1 of the text's 2 masks" in warned["warnings"][0]
    for line in (good, bad, warned):
        assert FillMaskLine.model_validate(line).model_dump(exclude_unset=True) == line


def test_an_invalid_request_is_an_error_rather_than_a_line(server):
    assert server.ask([TEXT], headers=LINES, top_k=-1).json["error_type"] == "invalid_input"
    assert server.ask([], headers=LINES).body == b""


@pytest.mark.parametrize("texts", [300])
def test_the_texts_of_a_disconnected_client_stop(server, texts):
    before = server.metric("fillmask_texts_started")
    connection = http.client.HTTPConnection(*server.address)
    body = json.dumps({"inputs": ["word " * 200 + "[MASK]"] * texts})
    connection.request("POST", "/", body, JSON | LINES)
    connection.getresponse().readline()
    connection.close()
    wait_for(lambda: server.metric("fillmask_requests_in_flight") == 0)
    assert server.metric("fillmask_texts_started") - before < texts / 2
    assert server.metric("fillmask_queue_tokens") == 0


def test_a_run_that_fails_costs_one_line_and_is_in_the_log():
    with serving.serve(prelude=FAILING) as served:
        found = lines(served.ask(["a [MASK].", "a [MASK] and a [MASK].", "a [MASK]."], headers=LINES))
        assert [line.get("error") for line in found] == [None, "the model failed on this text", None]
        wait_for(lambda: any("a run failed: planted" in line for line in served.lines))
