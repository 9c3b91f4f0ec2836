import json

import pytest
from click.testing import CliRunner

from fillmask import Prior
from fillmask.cli.main import main
from fillmask.tasks.classify import as_json

TEXTS = ["the cat", "in london"]
LABELS = {"animal": ["cat", "dogs"], "color": ["red"]}
TEMPLATE = "{text} is a [MASK]"


@pytest.fixture
def classify(native_folder):
    """Run ``fillmask classify`` and give its result."""
    arguments = ["classify", "-m", str(native_folder), "--variant", "fp32"]
    return lambda *more, **options: CliRunner().invoke(main, [*arguments, *more], **options)


@pytest.fixture
def labels_file(tmp_path):
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(LABELS))
    return str(path)


def documents(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_json_is_what_the_engine_gives(classify, native, labels_file):
    for options in ({}, {"aggregate": "max", "temperature": 2.0}, {"truncation": "right"}):
        given = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        result = classify("--json", "--labels-file", labels_file, "--template", TEMPLATE, *given, *TEXTS)
        assert (result.exit_code, result.stderr) == (0, "")
        assert documents(result) == [
            {"inputs": text, "labels": as_json(native.classify(text, LABELS, TEMPLATE, **options))} for text in TEXTS
        ]


def test_the_table_has_a_line_for_each_label(classify, native):
    lines = classify("--labels", "cat, red", "--template", TEMPLATE, TEXTS[0]).stdout.splitlines()
    expected = native.classify(TEXTS[0], ["cat", "red"], TEMPLATE)
    rows = [line.split() for line in lines if "%" in line]
    assert [(row[0], row[-1]) for row in rows] == [(f"{each.score:.2%}", each.label) for each in expected]


def test_a_prior_is_fitted_written_and_read(classify, native, tmp_path):
    file = tmp_path / "prior.json"
    common = ["--labels", "cat,red", "--template", TEMPLATE, "--template", "a [MASK] {text}"]
    assert classify(*common, "--fit-prior", str(file), input="the cat\nin london\n").exit_code == 0
    prior = Prior.from_json(file.read_text("utf-8"))
    templates = [TEMPLATE, "a [MASK] {text}"]
    assert prior == native.fit_prior(TEXTS, labels=["cat", "red"], template=templates)
    for flags, options in (([], {}), (["--multi-label"], {"multi_label": True})):
        result = classify(*common, "--json", "--prior", str(file), *flags, TEXTS[0])
        expected = native.classify(TEXTS[0], ["cat", "red"], templates, prior=prior, **options)
        assert documents(result)[0]["labels"] == as_json(expected)
        assert documents(result)[0]["labels"][0]["prior"] == prior.sha256


def test_errors_keep_their_place(classify):
    given = "the cat\n" + "cat " * 30 + "\nred\n"
    result = classify("--json", "--labels", "cat,red", "--template", TEMPLATE, "--workers", "2", input=given)
    assert result.exit_code == 1
    assert [document.get("error_type") for document in documents(result)] == [None, "TooLongError", None]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give either --labels or --labels-file"),
        (["--labels", "a", "--labels-file", "b"], "give either --labels or --labels-file"),
        (["--labels-file", "missing"], "--labels-file: [Errno 2]"),
        (["--labels", "cat", "--prior", "missing"], "--prior: [Errno 2]"),
        (["--labels", "cat", "--multi-label"], "multi_label needs a prior"),
        (["--labels", "cat", "--template", "no field"], "a template has one {text} and one mask"),
        (["--labels", "cat", "--template", "{text} [MASK]", "--fit-prior", "missing/file"], "--fit-prior: [Errno 2]"),
        (["--labels", "日"], "not in the vocabulary"),
    ],
)
def test_wrong_options_are_wrong_usage(classify, options, message):
    result = classify(*options, TEXTS[0])
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_labels_file_that_is_no_json_or_prior_is_refused(classify, tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("{")
    for option in ("--labels-file", "--prior"):
        given = ["--labels", "cat"] if option == "--prior" else []
        result = classify(*given, option, str(broken), TEXTS[0])
        assert result.exit_code == 2, result.output
