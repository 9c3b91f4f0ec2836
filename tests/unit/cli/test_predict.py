"""The command ``fillmask predict``, in this process; test_main_process.py runs the program itself."""

import json
import re
from dataclasses import asdict

import pytest
from click.testing import CliRunner

from fillmask import FillMask
from fillmask.cli.main import main
from tests.support import toys

TEXT = "the [MASK] sat on the mat."
TWO = "the [MASK] sat on the [MASK]."
LONG = "[MASK] " + "cat " * 40 + "[MASK]"


@pytest.fixture
def cli():
    """Run a command and give its result."""
    return lambda *arguments, **options: CliRunner().invoke(main, list(map(str, arguments)), **options)


@pytest.fixture
def predict(cli, native_folder):
    return lambda *arguments, **options: cli("predict", "-m", native_folder, *arguments, **options)


def documents(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def one_line(result):
    """What is on standard error, which must be one line of the program's own."""
    assert re.fullmatch(r"fillmask: [^\n]+\n", result.stderr), result.stderr
    return result.stderr


def expected(folder, text, **parameters):
    """What --json must show."""
    masks = FillMask(folder, threads=1).predict(text, **parameters)
    return [[asdict(prediction) for prediction in predictions] for predictions in masks]


def test_a_text_is_shown_as_a_table(predict):
    result = predict(TEXT)
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(re.findall(r"^ +\d+\.\d\d%", result.stdout, re.MULTILINE)) == 5


def test_json_is_what_the_engine_predicts(predict, native_folder):
    result = predict("--json", "-k", 2, TEXT, TWO)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [document["inputs"] for document in documents(result)] == [TEXT, TWO]
    for document in documents(result):
        assert document["predictions"] == expected(native_folder, document["inputs"], top_k=2)


def test_every_mask_of_a_text_has_its_predictions(predict):
    (document,) = documents(predict("--json", "-k", 1, TWO))
    assert [len(mask) for mask in document["predictions"]] == [1, 1]
    assert re.findall(r"mask \d of 2", predict(TWO).stdout) == ["mask 1 of 2", "mask 2 of 2"]


@pytest.mark.parametrize("mask", ["[MASK]", "<mask>", "{mask}"])
def test_every_placeholder_is_a_mask(predict, mask):
    result = predict("--json", TEXT.replace("[MASK]", mask))
    assert documents(result)[0]["predictions"] == documents(predict("--json", TEXT))[0]["predictions"]


def test_texts_come_from_standard_input_where_there_are_no_arguments(predict):
    result = predict("--json", input=f"{TEXT}\r\n{TWO}\n{TEXT}")
    assert [document["inputs"] for document in documents(result)] == [TEXT, TWO, TEXT]
    assert result.exit_code == 0


def test_texts_that_run_together_are_predicted_as_they_are_alone(predict):
    texts = "\n".join(f"{'the cat ' * (number % 4)}[MASK]" for number in range(50))
    together = predict("--json", "--variant", "fp32", "--batch-size", "8", "--workers", "2", input=texts)
    assert together.exit_code == 0
    assert together.stdout == predict("--json", "--variant", "fp32", input=texts).stdout


def test_a_batch_of_no_texts_is_refused(predict):
    result = predict("[MASK]", "--batch-size", "0")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "batch_size must be a whole number from 1 to 1024, got 0" in result.stderr


def test_arguments_win_over_standard_input(predict):
    assert [document["inputs"] for document in documents(predict("--json", TEXT, input=f"{TWO}\n"))] == [TEXT]


def test_no_input_is_no_output(predict):
    result = predict("--json", input="")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_a_text_that_fails_does_not_keep_its_neighbors_from_their_predictions(predict):
    result = predict("--json", TEXT, "no mask", TWO, "null \x01\0 [MASK]", TEXT)
    assert result.exit_code == 1
    found = documents(result)
    assert [document.get("error_type") for document in found] == [None, "NoMaskError", None, "TextError", None]
    assert [document["inputs"] for document in found] == [TEXT, "no mask", TWO, "null \x01\0 [MASK]", TEXT]
    assert [line[:10] for line in result.stderr.splitlines()] == ["fillmask: ", "fillmask: "]


def test_a_text_that_fails_is_one_line_on_standard_error(predict):
    result = predict("no mask")
    assert (result.exit_code, result.stdout) == (1, "")
    hint = "write [MASK], <mask> or {mask} for the word to predict"
    assert one_line(result) == f"fillmask: 'no mask': No mask_token ([MASK]) found on the input; {hint}\n"


def test_a_text_that_is_too_long_is_refused_with_the_ways_out(predict):
    result = predict(LONG)
    assert result.exit_code == 1
    assert "the model takes at most 16" in one_line(result)
    assert "'window'" in result.stderr


def test_windows_predict_every_mask_of_a_long_text(predict):
    result = predict("--json", "--truncation", "window", LONG)
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(documents(result)[0]["predictions"]) == 2


def test_what_truncation_cuts_off_is_a_warning(predict):
    result = predict("--json", "--truncation", "right", LONG)
    assert result.exit_code == 0
    assert one_line(result).startswith("fillmask: warning: truncation 'right' cut off 1 of the text's 2 masks")
    assert len(documents(result)[0]["predictions"]) == 1


def test_targets_are_separated_by_commas(predict):
    (document,) = documents(predict("--json", "--targets", "dog,cat", TEXT))
    assert {prediction["token_str"] for prediction in document["predictions"][0]} == {"cat", "dog"}


def test_a_target_that_is_replaced_is_one_warning_for_all_texts(predict):
    result = predict("--json", "--targets", "cat,doghouse", TEXT, TWO)
    assert result.exit_code == 0
    message = "The specified target token `doghouse` does not exist in the model vocabulary. Replacing with `dog`."
    assert one_line(result) == f"fillmask: warning: {message}\n"


@pytest.mark.parametrize("variant", ["fp32", "int8"])
def test_a_variant_is_chosen_by_name(predict, native_folder, variant):
    (document,) = documents(predict("--json", "--variant", variant, TEXT))
    masks = FillMask(native_folder, variant=variant, threads=1).predict(TEXT)
    assert [each["token"] for each in document["predictions"][0]] == [each.token for each in masks[0]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-k", "-1"], "top_k must be a whole number from 0 to"),
        (["-k", "100000"], "top_k must be a whole number from 0 to"),
        (["--threads", "0"], "threads must be a whole number from 1"),
        (["--variant", "q4"], "has no variant 'q4'; it has fp32, int8"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_code_2(predict, arguments, message):
    result = predict(*arguments, TEXT)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in one_line(result)


def test_targets_that_name_nothing_are_exit_code_2(predict):
    result = predict("--targets", "", TEXT)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == "fillmask: At least one target must be provided when passed."


@pytest.fixture
def speed(monkeypatch):
    """The workers and the size of a batch that a command takes, on a machine of three cores."""
    taken, predict_many = [], FillMask.predict_many

    def recorded(self, texts, **options):
        taken.append((options["workers"], options["batch_size"]))
        return predict_many(self, texts, **options)

    monkeypatch.setattr(FillMask, "predict_many", recorded)
    monkeypatch.setattr("fillmask.runtime.cpu.available_threads", lambda: 3)
    return taken


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), (3, 16)),
        (("--workers", 1), (1, None)),
        (("--workers", 2), (2, None)),
        (("--threads", 1), (1, None)),
        (("--batch-size", 4), (1, 4)),
    ],
)
def test_a_file_takes_every_core_unless_a_number_is_given(predict, speed, tmp_path, options, expected):
    (tmp_path / "texts").write_text(f"{TEXT}\n")
    assert predict("-f", tmp_path / "texts", *options).exit_code == 0
    assert predict(*options, TEXT).exit_code == 0
    given = dict([options] if options else [])
    assert speed == [expected, (given.get("--workers", 1), given.get("--batch-size"))]


def test_no_workers_are_refused(predict, tmp_path):
    (tmp_path / "texts").write_text(f"{TEXT}\n")
    result = predict("-f", tmp_path / "texts", "--workers", 0)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "workers must be a whole number from 1 to 1024, got 0" in one_line(result)


def test_a_file_runs_one_by_one_on_a_model_whose_rows_change_each_other(cli, tmp_path):
    folder = toys.write_foreign(tmp_path / "mixes", {"model.onnx": toys.mixing_graph(toys.tables())})
    (tmp_path / "texts").write_text("the cat [MASK]\na dog [MASK]\n")
    result = cli("predict", "-m", folder, "-f", tmp_path / "texts", "--json")
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 2)
