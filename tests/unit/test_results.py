import json
import math

import numpy as np

import fillmask
from fillmask import Fill, FilledPrediction, Infill, Label, Prediction, Results
from fillmask.results import as_json, short_repr, to_dict

CAPITAL = Prediction(0.64437, 3007, "capital", "paris is the capital.")
CITY = Prediction(0.18911, 2103, "city", "paris is the city.")
MASKS = Results([[CAPITAL, CITY], [CITY]])


def test_a_prediction_prints_four_digits():
    text = "Prediction(score=0.6444, token=3007, token_str='capital', sequence='paris is the capital.')"
    assert repr(CAPITAL) == short_repr(CAPITAL) == text


def test_a_filled_prediction_prints_all_its_fields():
    filled = FilledPrediction(0.5, 1, "a", "a", 0, 6, "A", "A b")
    assert repr(filled) == (
        "FilledPrediction(score=0.5, token=1, token_str='a', sequence='a', start=0, end=6, text='A', filled='A b')"
    )


def test_records_inside_a_record_are_counted():
    infill = Infill("a b", -1.23456, 0.29, (Fill("a", 0, 6, -1.23456, (1, 2)),))
    assert repr(infill) == "Infill(filled='a b', log_prob=-1.235, score=0.29, fills=(1 Fill))"
    assert repr(infill.fills[0]) == "Fill(text='a', start=0, end=6, log_prob=-1.235, token_ids=(1, 2))"


def test_results_print_one_line_each():
    assert repr(MASKS) == f"[[{CAPITAL!r},\n  {CITY!r}],\n [{CITY!r}]]"
    assert repr(Results([CITY])) == f"[{CITY!r}]"
    assert repr(Results([])) == "[]"


def test_results_are_equal_to_plain_lists_and_keep_the_numbers_whole():
    assert MASKS == [[CAPITAL, CITY], [CITY]]
    assert MASKS[0][0].to_dict() == to_dict(CAPITAL)
    assert to_dict(CAPITAL) == {
        "score": 0.64437, "token": 3007, "token_str": "capital", "sequence": "paris is the capital.",
    }  # fmt: skip


def test_rows_have_the_place_of_each_result():
    rows = MASKS.to_rows()
    assert [(row["mask"], row["rank"], row["token_str"]) for row in rows] == [
        (1, 1, "capital"), (1, 2, "city"), (2, 1, "city"),
    ]  # fmt: skip
    assert Results([Label("sports", 1.0, -0.5)]).to_rows() == [
        {"rank": 1, "label": "sports", "score": 1.0, "log_prob": -0.5, "prior": None}
    ]


def test_json_takes_tuples_arrays_and_numbers_that_are_not_finite():
    value = [Fill("a", 0, 6, -math.inf, (1, 2)), np.array([[0.5, -np.inf]]), np.array([1.0])]
    document = [
        {"text": "a", "start": 0, "end": 6, "log_prob": None, "token_ids": [1, 2]}, [[0.5, None]], [1.0],
    ]  # fmt: skip
    assert json.loads(json.dumps(as_json(value), allow_nan=False)) == document


def test_every_verb_gives_results_that_become_rows_and_json(native):
    text = "the [MASK] cat [MASK]"
    for results in (
        native.predict(text, top_k=2),
        native.predict(text, top_k=2, filled=True),
        native.infill(text, top_k=2),
        native.rank(text, ["cat", "the"]),
        native.classify("cat", ["cat", "the"], "{text} {mask}"),
    ):
        assert isinstance(results, fillmask.Results)
        assert json.loads(json.dumps(results.to_rows()))[0]["rank"] == 1
        assert results._repr_html_().startswith("<")
    assert json.dumps(native.score("the cat").to_dict())
    assert json.dumps(native.marginals("the cat", alphabet=["cat", "the"]).to_dict())
