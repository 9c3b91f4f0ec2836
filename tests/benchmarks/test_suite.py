import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.harness import machine, suite
from benchmarks.harness.records import Row, findings, read
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.suite import suite_command, write_findings
from benchmarks.models.folders import ModelFolders
from fillmask import ProviderError

SPEEDS = {
    "fillmask-int8": [10.0, 11.0, 10.5],
    "fillmask-int8-again": [10.1, 10.9, 10.5],
    "fillmask-fp32": [5.0, 5.5, 5.2],
    "transformers": [1.0, 1.1, 1.05],
}

CONTROL = ("fillmask-int8", "fillmask-int8-again")


@pytest.fixture
def folders(tmp_path, monkeypatch):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    manifest = {"architecture": "BertForMaskedLM", "vocab_size": 10, "variants": {}, "files": {}}
    (tmp_path / "fillmask.json").write_text(json.dumps(manifest))
    made = ModelFolders("minilm", tmp_path, tmp_path, tmp_path, trained=True)
    monkeypatch.setattr(suite, "prepare", lambda *_, **__: made)
    monkeypatch.setattr(machine, "_BEFORE_S", 0.01)
    monkeypatch.setattr(machine, "cpu_flags", lambda: ["avx512_vnni"])
    quiet = {"steal": 0.0, "foreign": 0.0, "load_before": 0.0}
    monkeypatch.setattr(suite, "asdict", lambda _: quiet)
    return made


def measure(options, folders):
    found = SuiteResult({"rounds": options.rounds})
    found.rows = [Row(name, "int8", {"tokens": 8}, "texts/s", values) for name, values in SPEEDS.items()]
    found.compare({"tokens": 8}, "texts/s", SPEEDS, control=CONTROL)
    return found


def run(measure, out, *arguments):
    command = suite_command("latency", measure, "How long?", on_gpu=True)
    given = ["--profile", "quick", "--rounds", "3", "--out", str(out), *arguments]
    return CliRunner().invoke(command, given, catch_exceptions=False)


def test_a_run_writes_its_record(folders, tmp_path):
    done = run(measure, tmp_path)
    record = read(tmp_path / "latency-minilm-vnni.json")
    assert record.valid, record.invalid_reasons
    assert record.params["rounds"] == 3
    assert record.params["subject"]["sha256"]
    assert record.command == "python -m benchmarks latency --model minilm --profile quick --rounds 3"
    assert "fillmask-int8  / transformers" in done.stdout


def test_both_of_ours_are_compared_with_all_others_but_the_control(folders, tmp_path):
    run(measure, tmp_path)
    found = {(each.contender, each.baseline): each for each in read(tmp_path / "latency-minilm-vnni.json").comparisons}
    assert set(found) == {
        ("fillmask-int8", "fillmask-fp32"),
        ("fillmask-int8", "transformers"),
        ("fillmask-fp32", "fillmask-int8"),
        ("fillmask-fp32", "transformers"),
    }
    assert found["fillmask-int8", "transformers"].ratio == 10
    assert found["fillmask-int8", "transformers"].claim == "faster"
    assert found["fillmask-fp32", "fillmask-int8"].claim == "slower"


def test_a_machine_that_slows_down_for_a_while_slows_both_sides(folders, tmp_path):
    def slowing(options, folders):
        found = SuiteResult()
        slowed = [[1.0, 1.0, 0.5], [1.0, 1.01, 0.5], [0.1, 0.1, 0.05]]
        names = ["fillmask-int8", "fillmask-int8-again", "transformers"]
        found.compare({"tokens": 8}, "texts/s", dict(zip(names, slowed, strict=True)), control=CONTROL)
        return found

    run(slowing, tmp_path)
    record = read(tmp_path / "latency-minilm-vnni.json")
    assert record.valid, record.invalid_reasons
    assert record.params["drift"] == {"tokens 8": 2.0}


def test_what_drifts_against_the_reference_makes_a_run_invalid(folders, tmp_path):
    def drifting(options, folders):
        found = SuiteResult()
        found.compare({"tokens": 8}, "texts/s", SPEEDS | {"transformers": [1.0, 1.1, 1.4]}, control=CONTROL)
        return found

    run(drifting, tmp_path)
    assert read(tmp_path / "latency-minilm-vnni.json").invalid_reasons == [
        "tokens 8: values drifted by 1.33 over the rounds, more than 1.1"
    ]


def test_a_record_names_no_place_on_this_machine(folders, tmp_path):
    texts = tmp_path / "calibration.txt"
    texts.write_text("text")
    run(measure, tmp_path, "--checkpoint", str(tmp_path), "--calibration", str(texts))
    content = Path(tmp_path, "latency-minilm-vnni.json").read_text()
    assert f"--checkpoint {tmp_path.name} --calibration calibration.txt" in content
    assert str(tmp_path) not in content


def test_what_fails_that_must_not_makes_a_run_invalid(folders, tmp_path):
    def broken(options, folders):
        found = measure(options, folders)
        found.rows.append(Row("transformers", "fp32", {"tokens": 8}, "ms", [], failed="it ended"))
        found.rows.append(Row("openvino-fp32", "fp32", {"tokens": 8}, "ms", [], failed="it is not installed"))
        return found

    done = run(broken, tmp_path)
    record = read(tmp_path / "latency-minilm-vnni.json")
    assert record.invalid_reasons == ["transformers failed: it ended"]
    assert "INVALID: transformers failed" in done.stderr


def test_suites_are_listed_with_their_questions():
    done = CliRunner().invoke(main, ["--help"])
    assert "Time one text by its tokens" in done.stdout
    assert CliRunner().invoke(main, ["nonsense"]).exit_code == 2


def test_a_run_on_another_device_has_a_file_of_its_own_and_names_the_device(folders, tmp_path):
    run(measure, tmp_path, "--device", "stand-in")
    record = read(tmp_path / "latency-minilm-stand-in.json")
    assert record.device == "stand-in"
    assert "--device stand-in" in record.command


def test_a_provider_that_is_missing_is_an_error_before_anything_is_made(folders, tmp_path, monkeypatch):
    def check(providers):
        raise ProviderError(f"{providers[0]!r} is not in this ONNX Runtime")

    monkeypatch.setattr(suite, "check_providers", check)
    monkeypatch.setattr(suite, "prepare", lambda *_, **__: pytest.fail("it is made"))
    done = run(measure, tmp_path, "--device", "cuda")
    assert done.exit_code == 1
    assert "is not in this ONNX Runtime" in done.stderr


def test_only_suites_that_know_a_gpu_take_one(folders, tmp_path):
    command = suite_command("memory", measure, "How much?")
    assert CliRunner().invoke(command, ["--device", "cuda", "--out", str(tmp_path)]).exit_code == 2


def test_findings_are_a_record_that_keeps_every_digit(tmp_path):
    found = {"subjects": [{"share": 0.123456789, "name": "é"}]}
    path = write_findings("cloze", "make cloze", found, tmp_path / "found.json")
    record = read(path)
    assert (record.suite, record.findings, record.valid) == ("cloze", found, True)
    assert findings(path) == found | {"context": record.context}
    assert "é" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("missing", ["pydantic", "psutil", "onnxruntime"])
def test_a_package_that_is_missing_is_named(missing):
    hide = f"import sys; sys.modules[{missing!r}] = None"
    code = f"{hide}; from benchmarks.__main__ import main; main(['accuracy', '--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{missing} cannot be imported" in done.stderr.splitlines()[-1]
