"""Filled texts over HTTP: those of the library, weighed by the rows of their search."""

import json

import pytest

from fillmask.results import as_json
from fillmask.server.http_errors import HttpError
from fillmask.server.infill import INFILL_TEXTS
from tests.support import weighing

TEXTS = ["The [MASK] is the capital of [MASK].", "a {mask} of it"]
LINES = {"accept": "application/x-ndjson"}


def ask(server, inputs, path="/infill", headers=None, **parameters):
    return server.request("POST", path, {"inputs": inputs, "parameters": parameters}, headers)


def as_received(infills):
    return json.loads(json.dumps(as_json(infills)))


def test_a_text_has_a_list_and_a_list_has_a_list_each(server, alone):
    assert ask(server, TEXTS[0]).json == as_received(alone.infill(TEXTS[0]))
    assert ask(server, TEXTS).json == [as_received(alone.infill(text)) for text in TEXTS]
    assert ask(server, []).json == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"top_k": 2, "order": "confident", "width": 2},
        {"pieces": [1, 2], "normalize": None},
        {"pieces": 2, "words": False},
        {"order": "independent", "refine": 2},
        {"truncation": "window"},
        {"top_k": None},
    ],
    ids=str,
)
def test_parameters_are_those_of_the_library(server, alone, parameters):
    assert ask(server, TEXTS[0], **parameters).json == as_received(alone.infill(TEXTS[0], **parameters))


def test_each_text_has_a_line(server, alone):
    response = ask(server, [TEXTS[0], "no mask", TEXTS[1]], headers=LINES)
    first, second, third = (json.loads(line) for line in response.body.splitlines())
    assert first == {"index": 0, "infills": as_received(alone.infill(TEXTS[0]))}
    assert (second["index"], second["error_type"]) == (1, "invalid_input")
    assert third["infills"] == as_received(alone.infill(TEXTS[1]))


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"width": 65}, "parameters.width"),
        ({"order": "right"}, "parameters.order"),
        ({"pieces": [1]}, "parameters.pieces"),
        ({"pieces": 17}, "parameters.pieces"),
        ({"refine": 17}, "parameters.refine"),
        ({"top_k": 1001}, "parameters.top_k: at most 1000, got 1001"),
        ({"top_k": 0}, "top_k must be a whole number from 1 to 1000, got 0"),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(server, parameters, field):
    response = ask(server, TEXTS[0], **parameters)
    assert response.status == 422
    assert field in response.json["error"]


def weights(texts, **changes):
    """The weights of the texts of a request, and the limits of its settings."""
    limits = {name: changes.pop(name) for name in ("max_reads", "max_masks") if name in changes}
    arguments = {"top_k": 5, "order": "left", "width": 8, "pieces": 1, "refine": 0} | changes
    return weighing.weights(INFILL_TEXTS, texts, arguments=arguments, **limits)


def test_a_text_weighs_the_rows_of_its_search(server):
    (one,) = weights(["[MASK] " + "x" * 400])
    (two,) = weights(["[MASK] [MASK] " + "x" * 400])
    assert two > 8 * one
    assert weights(["[MASK] [MASK] a"], order="independent") < weights(["[MASK] [MASK] a"])
    assert weights(["[MASK] a"], pieces=[1, 3]) > weights(["[MASK] a"], pieces=3)
    assert weights(["[MASK] a"], refine=2) > weights(["[MASK] a"])


def test_rows_and_masks_are_limited(server):
    with pytest.raises(HttpError) as caught:
        weights(["[MASK] [MASK]"], max_reads=8)
    assert str(caught.value) == (
        "parameters: a request has at most 8 rows to run, got about 9; lower width, pieces, refine or top_k, or send "
        "fewer masks, or fewer texts"
    )
    with pytest.raises(HttpError, match="a text has at most 2 masks, got 3"):
        weights(["{mask} <mask> {mask}"], max_masks=2)
    assert weights(["[MASK] <mask> {mask}"], max_masks=1)  # beside the model's own mask placeholders are text
