import json

import pytest
from click.testing import CliRunner

from fillmask.cli.main import main
from fillmask.results import as_json

TEXTS = ["the [MASK] sat.", "[MASK] is on a [MASK]"]
CANDIDATES = ["cat", "dogs", "red cat"]


@pytest.fixture
def rank(native_folder):
    """Run ``fillmask rank`` and give its result."""
    arguments = ["rank", "-m", str(native_folder), "--variant", "fp32"]
    return lambda *more, **options: CliRunner().invoke(main, [*arguments, *more], **options)


def documents(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_json_is_what_the_engine_gives(rank, native):
    for options in ({}, {"method": "parallel"}, {"normalize": "characters", "truncation": "window"}):
        given = [part for name, value in options.items() for part in (f"--{name}", value)]
        result = rank("--json", "--candidates", ",".join(CANDIDATES), *given, *TEXTS)
        assert (result.exit_code, result.stderr) == (0, "")
        expected = [{"inputs": text, "ranking": as_json(native.rank(text, CANDIDATES, **options))} for text in TEXTS]
        assert documents(result) == expected


def test_the_table_has_a_line_for_each_candidate_of_each_mask(rank, native):
    lines = rank("--candidates", "cat, dogs", TEXTS[1]).stdout.splitlines()
    assert lines[1] == TEXTS[1]
    assert [line for line in lines if "mask " in line] == [" mask 1 of 2", " mask 2 of 2"]
    rows = [line.split() for line in lines if "%" in line]
    expected = [each for slot in native.rank(TEXTS[1], ["cat", "dogs"]) for each in slot]
    assert [(row[0], row[-2], row[-1]) for row in rows] == [
        (f"{each.score:.2%}", f"{each.log_prob:.3f}", each.text) for each in expected
    ]


def test_candidates_come_from_a_file(rank, tmp_path):
    file = tmp_path / "candidates.txt"
    file.write_text("\ufeffcat\r\n\n dogs \nred cat\n", "utf-8")
    listed = rank("--json", "--candidates", ",".join(CANDIDATES), TEXTS[0])
    assert rank("--json", "--candidates-file", str(file), TEXTS[0]).stdout == listed.stdout


def test_texts_come_from_standard_input_and_errors_keep_their_place(rank):
    result = rank("--json", "--candidates", "cat", "--workers", "2", input="a [MASK]\nnone\n[MASK]\n")
    assert result.exit_code == 1
    assert [document.get("error_type") for document in documents(result)] == [None, "NoMaskError", None]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give either --candidates or --candidates-file"),
        (["--candidates", "a", "--candidates-file", "b"], "give either --candidates or --candidates-file"),
        (["--candidates-file", "missing"], "--candidates-file: [Errno 2]"),
        (["--candidates", " , "], "candidates must have at least one string, got none"),
        (["--candidates", "日"], "not in the vocabulary: '日'"),
    ],
)
def test_wrong_candidates_are_wrong_usage(rank, options, message):
    result = rank(*options, TEXTS[0])
    assert result.exit_code == 2
    assert message in result.stderr
