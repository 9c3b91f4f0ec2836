"""The command ``fillmask verify``."""

import json
import re

import pytest
from click.testing import CliRunner

from fillmask import FillMask
from fillmask.cli.main import main
from tests.support import toys

TEXT = "the [MASK] sat on the mat."


@pytest.fixture
def artifact(native_copy):
    """A native folder with a stored prediction of each of its variants."""
    variants = {}
    for name in ("fp32", "int8"):
        (row,) = FillMask(native_copy, variant=name, threads=1).predict(TEXT)
        expected = {"text": TEXT, "tokens": [p.token for p in row], "scores": [p.score for p in row]}
        variants[name] = {"file": f"model_{name}.onnx", "tolerance": 1e-4, "expected": [expected]}
    toys.write_manifest(native_copy, variants=variants)
    return native_copy


@pytest.fixture
def broken(artifact):
    """The same folder; this machine cannot run int8's graph."""
    graph = artifact / "model_int8.onnx"
    graph.write_bytes(graph.read_bytes().replace(b"input_ids", b"input_idz"))
    toys.write_manifest(artifact, variants=json.loads((artifact / "fillmask.json").read_text())["variants"])
    return artifact


@pytest.fixture
def altered(artifact):
    """The same folder; a stored score of int8 is another than int8 gives."""
    path = artifact / "fillmask.json"
    manifest = json.loads(path.read_text())
    manifest["variants"]["int8"]["expected"][0]["scores"][0] += 0.01
    path.write_text(json.dumps(manifest))
    return artifact


def verify(*arguments):
    return CliRunner().invoke(main, ["verify", *map(str, arguments)])


def documents(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_an_artifact_that_predicts_as_it_did_is_ok(artifact):
    result = verify(artifact)
    assert (result.exit_code, result.stderr) == (0, "")
    *verdicts, advice = result.stdout.splitlines()
    pattern = (
        r"(fp32|int8) +ok: 1 texts, scores within 0\.0e\+00 \(allowed 1e-04\), "
        r"beside padding within \d\.\de.\d\d in 256 texts \(allowed 1e-05\), \d+\.\d ms a text"
    )
    assert [re.fullmatch(pattern, verdict)[1] for verdict in verdicts] == ["fp32", "int8"]
    assert re.fullmatch(r"use variant '(fp32|int8)' here: the fastest variant whose predictions are right", advice)


def test_json_is_one_document_a_variant_and_no_advice(artifact):
    result = verify("--json", artifact)
    assert result.exit_code == 0
    assert [(each["variant"], each["passed"], each["texts"]) for each in documents(result)] == [
        ("fp32", True, 1),
        ("int8", True, 1),
    ]


def test_an_altered_score_fails_its_variant_by_name(altered):
    result = verify(altered)
    assert result.exit_code == 1
    fp32, int8, advice = result.stdout.splitlines()
    assert fp32.startswith("fp32   ok: ")
    assert int8.startswith("int8   WRONG ON THIS MACHINE: 1 texts, scores within 1.0e-02 (allowed 1e-04)")
    assert advice.startswith("use variant 'fp32' here")
    assert result.stderr == "fillmask: predictions differ here from those of the export, variants: int8\n"


def test_an_altered_score_fails_in_json_too(altered):
    result = verify("--json", altered)
    assert result.exit_code == 1
    assert [(each["variant"], each["passed"]) for each in documents(result)] == [("fp32", True), ("int8", False)]


def test_json_says_which_variant_is_best_and_how_fast_each_is(altered):
    fp32, int8 = documents(verify("--json", altered))
    assert (fp32["best"], int8["best"]) == (True, False)
    assert fp32["latency_ms"] > 0
    assert fp32["providers"] == ["CPUExecutionProvider"]
    assert fp32["error"] is None


def test_a_manifest_of_an_earlier_version_is_verified(altered):
    path = altered / "fillmask.json"
    path.write_text(path.read_text().replace('"expected"', '"answers"'))
    assert '"expected"' not in path.read_text()
    fp32, int8 = documents(verify("--json", altered))
    assert [(each["passed"], each["texts"]) for each in (fp32, int8)] == [(True, 1), (False, 1)]


def test_a_variant_that_does_not_run_here_is_reported_and_fails(broken):
    result = verify(broken)
    assert result.exit_code == 1
    fp32, int8, advice = result.stdout.splitlines()
    assert fp32.startswith("fp32   ok: ")
    assert re.fullmatch(r"int8   DOES NOT RUN ON THIS MACHINE: .*input_idz.*", int8)
    assert advice.startswith("use variant 'fp32' here")
    assert result.stderr == "fillmask: does not run here, variants: int8\n"


def test_a_variant_that_does_not_run_here_fails_in_json_too(broken):
    result = verify("--json", broken)
    assert result.exit_code == 1
    fp32, int8 = documents(result)
    assert (fp32["passed"], int8["passed"]) == (True, False)
    assert (int8["max_score_difference"], int8["latency_ms"]) == (None, None)
    assert "input_idz" in int8["error"]


def test_both_kinds_of_failure_are_named_on_one_line(broken):
    path = broken / "fillmask.json"
    manifest = json.loads(path.read_text())
    manifest["variants"]["fp32"]["expected"][0]["scores"][0] += 0.01
    path.write_text(json.dumps(manifest))
    result = verify(broken)
    assert result.exit_code == 1
    assert "use variant" not in result.stdout
    message = "predictions differ here from those of the export, variants: fp32; does not run here, variants: int8"
    assert result.stderr == f"fillmask: {message}\n"


@pytest.mark.parametrize("name", ["model_fp32.onnx", "tokenizer.json"])
def test_a_tampered_file_is_named_in_one_line(artifact, name):
    (artifact / name).write_bytes((artifact / name).read_bytes()[:-1] + b"!")
    result = verify(artifact)
    assert (result.exit_code, result.stdout) == (1, "")
    assert re.fullmatch(
        rf"fillmask: \S+{name} is not the file that fillmask\.json lists: .*; copy it again\n", result.stderr
    )


def test_a_variant_that_the_manifest_does_not_list_is_an_error_rather_than_silence(artifact):
    variants = json.loads((artifact / "fillmask.json").read_text())["variants"]
    listed = json.loads((artifact / "fillmask.json").read_text())["files"]
    files = {name: entry for name, entry in listed.items() if not name.endswith(".onnx")}
    toys.write_manifest(artifact, variants=variants, files=files)
    result = verify(artifact)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "model_fp32.onnx is not listed in fillmask.json; export the model again" in result.stderr


def test_a_foreign_folder_cannot_be_verified(foreign_folder):
    result = verify(foreign_folder)
    assert (result.exit_code, result.stdout) == (2, "")
    message = f"{foreign_folder} has no fillmask.json, so nothing to verify against; export it with fillmask"
    assert result.stderr == f"fillmask: {message}\n"


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    result = verify(tmp_path / "missing")
    assert result.exit_code in (1, 2)
    assert re.fullmatch(r"fillmask: .*missing is not a folder[^\n]*\n", result.stderr)


def test_the_number_of_texts_beside_padding_can_be_chosen(artifact):
    assert "in 16 texts (allowed 1e-05)" in verify(artifact, "--texts", "16").stdout
    assert "beside padding" not in verify(artifact, "--texts", "0").stdout


def test_scores_that_padding_moves_here_fail_their_variant_by_name(artifact, monkeypatch):
    monkeypatch.setattr("fillmask.verification.random_difference", lambda *_: 3e-3)
    result = verify(artifact)
    assert result.exit_code == 1
    assert "padding changes scores here, run only texts of equal length together, variants: fp32, int8" in result.stderr
