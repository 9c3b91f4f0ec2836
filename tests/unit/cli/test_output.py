import json
import sys
from functools import partial

import click
import pytest
from click.testing import CliRunner

from fillmask import NoMaskError, Prediction, TextError
from fillmask.cli.inputs import Texts
from fillmask.cli.output import bar, show, show_each

HALF = Prediction(0.5, 7, "cat", "the cat")
QUARTER = Prediction(0.25, 8, "##s", "the s")


def shown(text, outcome, *, as_json=False, by_line=False):
    """What is printed: standard output and standard error."""

    def command():
        show_each([text], [outcome], partial(show, as_json=as_json), as_json=as_json, given=Texts((), by_line, True))

    result = CliRunner().invoke(click.Command("show", callback=command))
    assert result.exit_code == 0, result.exception
    return result.stdout, result.stderr


@pytest.mark.parametrize(
    ("score", "drawn"),
    [
        (0.0, " " * 20),
        (1.0, "█" * 20),
        (0.5, "█" * 10 + " " * 10),
        (1 / 160, "▏" + " " * 19),
        (0.999, "█" * 20),
        (0.99, "█" * 19 + "▊"),
        (1 / 1000, " " * 20),
        (7 / 160, "▉" + " " * 19),
    ],
)
def test_a_bar_is_as_long_as_its_score_in_eighths_of_a_column(score, drawn):
    assert bar(score) == drawn


def test_a_longer_bar_is_a_higher_score_and_every_bar_is_twenty_columns_wide():
    bars = [bar(eighths / 160) for eighths in range(161)]
    assert {len(each) for each in bars} == {20}
    drawn = [each.rstrip() for each in bars]
    assert len(set(drawn)) == 161
    assert [len(each) for each in drawn] == sorted(len(each) for each in drawn)


def test_people_get_a_table():
    out, err = shown("the [MASK]", [[HALF, QUARTER]])
    assert out.splitlines() == [
        "",
        "the [MASK]",
        "",
        f"  50.00%  {'█' * 10}{' ' * 10}  cat  the cat",
        f"  25.00%  {'█' * 5}{' ' * 15}  ##s  the s",
        "",
    ]
    assert err == ""


def test_each_of_several_masks_is_numbered():
    lines = shown("[MASK] [MASK]", [[HALF], [QUARTER]])[0].splitlines()
    assert [line for line in lines if "mask " in line] == [" mask 1 of 2", " mask 2 of 2"]


def test_no_predictions_are_an_empty_table():
    assert shown("the [MASK]", [[]])[0].split() == ["the", "[MASK]"]


def test_programs_get_one_document_a_line():
    out, err = shown("the [MASK]\n[MASK]", [[HALF], [QUARTER, HALF]], as_json=True)
    assert out.count("\n") == 1
    first = {"score": 0.5, "token": 7, "token_str": "cat", "sequence": "the cat"}
    second = {"score": 0.25, "token": 8, "token_str": "##s", "sequence": "the s"}
    assert json.loads(out) == {"inputs": "the [MASK]\n[MASK]", "predictions": [[first], [second, first]]}
    assert err == ""


@pytest.mark.parametrize("text", ["naïve 猫 🍕", "\u2028 \u0085 \t", "a\udcffb", '"\\'])
def test_a_document_is_one_line_of_utf8_whatever_the_text_holds(text):
    out = shown(text, [[]], as_json=True)[0]
    assert len(out.splitlines()) == 1
    assert json.loads(out)["inputs"] == text


def test_documents_are_ascii_for_whatever_reads_them():
    out = shown("naïve 猫", [[]], as_json=True)[0]
    assert out.isascii()
    assert json.loads(out)["inputs"] == "naïve 猫"


def test_a_failed_text_is_one_line_on_standard_error():
    out, err = shown("no\nmask", TextError("no text"))
    assert (out, err) == ("", "fillmask: 'no\\nmask': no text\n")


def test_a_failed_text_is_a_document_too():
    out, err = shown("no mask", NoMaskError("No mask here"), as_json=True)
    assert json.loads(out) == {"inputs": "no mask", "error": "No mask here", "error_type": "NoMaskError"}
    assert err.count("\n") == 1


@pytest.mark.parametrize(("length", "shortened"), [(60, "a" * 60), (61, "a" * 57 + "…")])
def test_a_long_text_is_shortened_in_an_error_message_and_whole_in_the_document(length, shortened):
    out, err = shown("a" * length, NoMaskError("No mask"), as_json=True)
    assert f"'{shortened}'" in err
    assert json.loads(out)["inputs"] == "a" * length


def test_a_line_is_named_by_its_number():
    assert shown("no mask", NoMaskError("none"), by_line=True)[1].startswith("fillmask: line 1: 'no mask': none")


def test_a_text_without_a_mask_is_told_how_to_write_one(tmp_path):
    assert shown("a mask", NoMaskError("none"))[1].endswith(
        "none; write [MASK], <mask> or {mask} for the word to predict\n"
    )
    (tmp_path / "texts").touch()
    assert shown(str(tmp_path / "texts"), NoMaskError("none"))[1].endswith(
        "none; it is a file: --file reads its lines\n"
    )


def test_with_a_total_there_is_a_bar_at_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown = []
    outcomes = [[[HALF]], NoMaskError("none")]
    given = Texts((), by_line=True, ready=True, total=2)
    assert show_each("ab", outcomes, lambda text, _: shown.append(text), as_json=False, given=given)
    assert shown == ["a"]
    err = capsys.readouterr().err
    assert "running:   0%|" in err
    assert "\rfillmask: line 2: 'b': none" in err
