"""``score`` on files, beside the model itself."""

import csv
import json
import math

import pytest

from fillmask.errors import InputError
from fillmask.files.verbs import VERBS
from fillmask.results import as_json
from fillmask.tasks.score import Score, ScoredWord
from tests.unit.files.conftest import parts, read_rows

TEXTS = ["the cat sat on the mat.", "[MASK] dog sat in london", "[MASK]", "the dogs"]
WORD = ["text", "start", "end", "log_prob", "unknown"]


@pytest.fixture
def path(write):
    return write("in.jsonl", [{"text": text} for text in TEXTS])


def wanted(model, text, **parameters):
    """What the model gives a text, None if it refuses it."""
    try:
        return as_json(model.score(text, **parameters))
    except InputError:
        return None


def near(got, expected):
    """Equal but for the last bits, which depend on the batch."""
    if isinstance(expected, dict):
        return got.keys() == expected.keys() and all(near(got[name], expected[name]) for name in expected)
    if isinstance(expected, list):
        return len(got) == len(expected) and all(map(near, got, expected))
    return got == pytest.approx(expected, abs=1e-4) if isinstance(expected, float) else got == expected


@pytest.mark.parametrize("parameters", [{}, {"method": "original", "words": "spaces", "bits": True}])
def test_jsonl_holds_what_the_model_gives(run, native, path, tmp_path, parameters):
    totals = run(path, tmp_path / "out.jsonl", "score", parameters=parameters)
    rows = read_rows(tmp_path / "out.jsonl")
    assert (totals.rows, totals.errors) == (4, 1)
    for row, text in zip(rows, TEXTS, strict=True):
        assert near(row.get("score"), wanted(native, text, **parameters))
    assert (rows[2]["error"], rows[2]["error_type"]) == ("the text has no token to score", "TextError")


def test_csv_has_a_line_for_each_word(run, native, path, tmp_path):
    run(path, tmp_path / "out.csv", "score")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    for index, text in enumerate(TEXTS):
        of_text, expected = [line for line in lines if line["row"] == str(index)], wanted(native, text)
        if expected is None:
            assert [(line["word"], line["error_type"]) for line in of_text] == [("", "TextError")]
            continue
        assert [line["word"] for line in of_text] == [str(number + 1) for number in range(len(expected["words"]))]
        for line, word in zip(of_text, expected["words"], strict=True):
            assert near({name: float(line[name]) for name in ("log_prob", "perplexity")}, totals_of(expected))
            assert float(line["word_log_prob"]) == pytest.approx(word["log_prob"], abs=1e-4)
            for name in ("text", "start", "end", "unknown"):
                assert line[f"word_{name}"] == str(word[name])


def totals_of(document):
    return {name: document[name] for name in ("log_prob", "perplexity")}


def test_parquet_holds_what_jsonl_holds_in_float64(run, path, tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    run(path, tmp_path / "out.jsonl", "score")
    run(path, tmp_path / "out.parquet", "score")
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table["score"].to_pylist() == [row.get("score") for row in read_rows(tmp_path / "out.jsonl")]
    kind = table.schema.field("score").type
    assert [kind.field(name).type for name in ("log_prob", "perplexity")] == [arrow.float64()] * 2
    assert kind.field("words").type.value_type.field("unknown").type == arrow.bool_()


def test_flat_parquet_keeps_a_column_text_beside_the_words(run, write, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = write("in.parquet", [{"text": text} for text in TEXTS])
    run(path, tmp_path / "out.parquet", "score", flat=True)
    run(path, tmp_path / "out.jsonl", "score", flat=True)
    lines = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert [{name: value for name, value in line.items() if value is not None} for line in lines] == read_rows(
        tmp_path / "out.jsonl"
    )
    assert {line["text"] for line in lines} == set(TEXTS)
    assert [line["text"][line["word_start"] : line["word_end"]] for line in lines if line["word"]] == [
        line["word_text"] for line in lines if line["word"]
    ]


@pytest.mark.parametrize("workers", [1, 3])
def test_the_bytes_do_not_depend_on_the_workers(run, write, rows, tmp_path, workers):
    path = write("many.jsonl", rows(60))
    run(path, tmp_path / "a", "score", rows_per_part=25, workers=2)
    run(path, tmp_path / "b", "score", rows_per_part=25, workers=workers)
    assert parts(tmp_path / "a") == parts(tmp_path / "b")


@pytest.mark.parametrize("parameters", [{"top_k": 1}, {"top_k": None}, {"metod": "original"}])
def test_a_parameter_that_the_verb_does_not_take_is_named(run, path, tmp_path, parameters):
    (name,) = parameters
    with pytest.raises(InputError, match=f"score takes no parameter '{name}'; it takes method, words, bits, trunc"):
        run(path, tmp_path / "out", "score", parameters=parameters)
    assert not (tmp_path / "out").exists()


def test_numbers_that_are_not_finite_are_none():
    value = Score(-math.inf, math.inf, (), (ScoredWord("cat", 0, 3, -math.inf, unknown=False),))
    assert list(VERBS["score"].flatten(value)) == [(None, None, 1, "cat", 0, 3, None, False)]
    assert json.loads(json.dumps(VERBS["score"].nest(value), allow_nan=False))["log_prob"] is None
