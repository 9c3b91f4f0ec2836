import json

import pytest
from click.testing import CliRunner

from fillmask.cli.main import main
from fillmask.results import as_json

TEXTS = ["the [MASK] sat on the [MASK].", "a {mask} city"]


@pytest.fixture
def infill(native_folder):
    """Run ``fillmask infill`` and give its result."""
    arguments = ["infill", "-m", str(native_folder), "--variant", "fp32"]
    return lambda *more, **options: CliRunner().invoke(main, [*arguments, *more], **options)


def documents(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_filled_text_is_a_line_with_its_score(infill, native):
    result = infill("--top-k", "2", TEXTS[0])
    assert (result.exit_code, result.stderr) == (0, "")
    expected = native.infill(TEXTS[0], top_k=2)
    assert result.stdout.splitlines() == [f"{each.score:8.4f}  {each.filled}" for each in expected]


def test_json_is_what_the_engine_gives(infill, native):
    result = infill("--json", "--order", "confident", "--pieces", "1-2", "--width", "3", "--refine", "2", *TEXTS)
    arguments = {"order": "confident", "pieces": (1, 2), "width": 3, "refine": 2}
    expected = [{"inputs": text, "infills": as_json(native.infill(text, **arguments))} for text in TEXTS]
    assert documents(result) == json.loads(json.dumps(expected))


@pytest.mark.parametrize(("option", "normalize"), [("none", None), ("pieces", "pieces")])
def test_sums_or_means_are_compared(infill, native, option, normalize):
    result = infill("--json", "--pieces", "1-3", "--normalize", option, "--workers", "2", TEXTS[1])
    expected = as_json(native.infill(TEXTS[1], pieces=(1, 3), normalize=normalize))
    assert documents(result)[0]["infills"] == json.loads(json.dumps(expected))


def test_a_width_without_effect_is_a_warning(infill):
    result = infill("--order", "independent", "--width", "3", TEXTS[1])
    assert result.exit_code == 0
    assert result.stderr.startswith("fillmask: warning: width 3 has no effect with order 'independent'")


def test_every_token_may_be_allowed(infill, native):
    result = infill("--json", "--any-token", "-k", "3", TEXTS[1])
    expected = json.loads(json.dumps(as_json(native.infill(TEXTS[1], top_k=3, words=False))))
    assert documents(result)[0]["infills"] == expected


def test_texts_come_from_standard_input_and_an_error_loses_no_other(infill):
    result = infill("--json", input="\n".join([TEXTS[0], "no mask", TEXTS[1]]))
    assert result.exit_code == 1
    assert [document.get("error_type") for document in documents(result)] == [None, "NoMaskError", None]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pieces", "one"], "'one' is neither a number nor a range such as 1-3"),
        (["--pieces", "3-1"], "or the least and the most as in [1, 3], got (3, 1)"),
        (["--width", "0"], "width must be a whole number from 1 to 256"),
    ],
)
def test_wrong_arguments_are_refused(infill, arguments, message):
    result = infill(*arguments, TEXTS[0])
    assert result.exit_code == 2
    assert message in result.stderr
