import json
import os

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
    of_words = {"method": "parallel", "normalize": "pieces"}
    for options in ({}, {"aggregate": "max", "temperature": 2.0}, {"truncation": "right"}, of_words):
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


def test_without_texts_at_a_terminal_a_prior_is_that_of_no_content(classify, native, tmp_path, monkeypatch):
    monkeypatch.setattr("fillmask.cli.classify.without_texts", lambda texts, file: not texts and file is None)
    file = tmp_path / "prior.json"
    result = classify("--labels", "cat,red", "--template", TEMPLATE, "--fit-prior", str(file))
    assert (result.exit_code, result.stderr) == (0, "No texts: the prior is that of N/A and the empty text.\n")
    prior = Prior.from_json(file.read_text("utf-8"))
    assert prior == native.fit_prior(labels=["cat", "red"], template=TEMPLATE)


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
        (["--labels", "日"], "not in the vocabulary"),
    ],
)
def test_wrong_options_are_wrong_usage(classify, options, message):
    result = classify(*options, TEXTS[0])
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_file_for_a_prior_is_tried_before_the_model_is_loaded(classify, tmp_path):
    file = tmp_path / "missing/prior.json"
    result = classify("--labels", "cat", "--fit-prior", str(file), "-m", str(tmp_path / "none"), TEXTS[0])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"fillmask: --fit-prior: {file} cannot be written: No such file or directory; name a file in a folder that "
        f"exists and takes files\n"
    )


def test_a_prior_that_fails_leaves_the_earlier_file(classify, tmp_path, monkeypatch):
    file = tmp_path / "prior.json"
    file.write_text("earlier")
    arguments = ["--labels", "cat", "--template", TEMPLATE, "--fit-prior", str(file)]
    assert classify(*arguments, "cat " * 30).exit_code == 2
    assert (file.read_text(), os.listdir(tmp_path)) == ("earlier", ["prior.json"])

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    result = classify(*arguments, TEXTS[0])
    assert result.exit_code == 1
    assert result.stderr == f"fillmask: --fit-prior: {file} cannot be written: No space left on device\n"
    assert (file.read_text(), os.listdir(tmp_path)) == ("earlier", ["prior.json"])


def test_options_that_a_prior_does_not_read_are_refused_beside_it(classify, tmp_path):
    fit = ["--labels", "cat", "--template", TEMPLATE, "--fit-prior", str(tmp_path / "prior.json"), TEXTS[0]]
    beside = ["--prior", "p", "--temperature", "1.0", "--aggregate", "logsumexp", "--multi-label", "--json"]
    result = classify(*fit, *beside)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "fillmask: --fit-prior writes a prior and labels no text; leave out --prior, --temperature, --aggregate, "
        "--multi-label, --json\n"
    )
    assert not os.listdir(tmp_path)
    assert classify(*fit, "--truncation", "right", "--workers", "2").exit_code == 0


def test_a_prior_may_begin_with_a_byte_order_mark_and_must_be_utf_8(classify, tmp_path):
    file = tmp_path / "prior.json"
    common = ["--labels", "cat,red", "--template", TEMPLATE]
    assert classify(*common, "--fit-prior", str(file), TEXTS[0]).exit_code == 0
    expected = classify(*common, "--prior", str(file), TEXTS[1])
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert classify(*common, "--prior", str(file), TEXTS[1]).stdout == expected.stdout != ""
    file.write_bytes(b"\xff\xfe{\x00")
    result = classify(*common, "--prior", str(file), TEXTS[1])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"fillmask: --prior: {file} is not UTF-8, so --fit-prior did not write it: ")


@pytest.mark.parametrize("content", [b"\xff", b"[" * 100_000])
def test_a_labels_file_that_is_not_json_in_utf_8_is_refused(classify, tmp_path, content):
    file = tmp_path / "labels.json"
    file.write_bytes(content)
    result = classify("--labels-file", str(file), TEXTS[0])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"fillmask: --labels-file: {file} is not JSON in UTF-8: ")


def test_a_labels_file_that_is_no_json_or_prior_is_refused(classify, tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("{")
    for option in ("--labels-file", "--prior"):
        given = ["--labels", "cat"] if option == "--prior" else []
        result = classify(*given, option, str(broken), TEXTS[0])
        assert result.exit_code == 2, result.output
