import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.harness import machine, suite
from benchmarks.harness.records import Row, read
from benchmarks.harness.suite import Found, suite_command
from benchmarks.models.folders import ModelFolders

SPEEDS = {
    "fillmask-int8": [10.0, 11.0, 10.5],
    "fillmask-int8-again": [10.1, 10.9, 10.5],
    "fillmask-fp32": [5.0, 5.5, 5.2],
    "transformers": [1.0, 1.1, 1.05],
}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    manifest = {"architecture": "BertForMaskedLM", "vocab_size": 10, "variants": {}, "files": {}}
    (tmp_path / "fillmask.json").write_text(json.dumps(manifest))
    made = ModelFolders("minilm", tmp_path, tmp_path, tmp_path, trained=True)
    monkeypatch.setattr(suite, "prepare", lambda *_: made)
    monkeypatch.setattr(machine, "_BEFORE_S", 0.01)
    quiet = {"steal": 0.0, "foreign": 0.0, "load_before": 0.0, "load_after": 0.0}
    monkeypatch.setattr(machine.Watch, "found", quiet)
    return made


def measure(asked, folders):
    found = Found({"rounds": asked.rounds})
    found.rows = [Row(name, "int8", {"tokens": 8}, "texts/s", values) for name, values in SPEEDS.items()]
    found.compare({"tokens": 8}, SPEEDS)
    return found


def run(measure, out, *arguments):
    command = suite_command("latency", measure, "How long?")
    given = ["--profile", "quick", "--rounds", "3", "--out", str(out), *arguments]
    return CliRunner().invoke(command, given, catch_exceptions=False)


def test_a_run_writes_its_record(folders, tmp_path):
    done = run(measure, tmp_path)
    record = read(tmp_path / "latency-minilm.json")
    assert record.valid, record.invalid_reasons
    assert record.params["rounds"] == 3
    assert record.params["subject"]["sha256"]
    assert record.command == "python -m benchmarks latency --model minilm --profile quick --rounds 3"
    assert "fillmask-int8  / transformers" in done.stdout


def test_both_of_ours_are_compared_with_all_others_but_the_control(folders, tmp_path):
    run(measure, tmp_path)
    found = {(each.contender, each.baseline): each for each in read(tmp_path / "latency-minilm.json").comparisons}
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
    def slowing(asked, folders):
        found = Found()
        slowed = [[1.0, 1.0, 0.5], [1.0, 1.01, 0.5], [0.1, 0.1, 0.05]]
        names = ["fillmask-int8", "fillmask-int8-again", "transformers"]
        found.compare({"tokens": 8}, dict(zip(names, slowed, strict=True)))
        return found

    run(slowing, tmp_path)
    record = read(tmp_path / "latency-minilm.json")
    assert record.valid, record.invalid_reasons
    assert record.params["drift"] == {"tokens 8": 2.0}


def test_what_drifts_against_the_reference_makes_a_run_invalid(folders, tmp_path):
    def drifting(asked, folders):
        found = Found()
        found.compare({"tokens": 8}, SPEEDS | {"transformers": [1.0, 1.1, 1.4]})
        return found

    run(drifting, tmp_path)
    assert read(tmp_path / "latency-minilm.json").invalid_reasons == [
        "tokens 8: values drifted by 1.33 over the rounds, more than 1.1"
    ]


def test_a_record_names_no_place_on_this_machine(folders, tmp_path):
    texts = tmp_path / "calibration.txt"
    texts.write_text("text")
    run(measure, tmp_path, "--checkpoint", str(tmp_path), "--calibration", str(texts))
    content = Path(tmp_path, "latency-minilm.json").read_text()
    assert f"--checkpoint {tmp_path.name} --calibration calibration.txt" in content
    assert str(tmp_path) not in content


def test_what_fails_that_must_not_makes_a_run_invalid(folders, tmp_path):
    def broken(asked, folders):
        found = measure(asked, folders)
        found.rows.append(Row("transformers", "fp32", {"tokens": 8}, "ms", [], failed="it ended"))
        found.rows.append(Row("openvino-fp32", "fp32", {"tokens": 8}, "ms", [], failed="it is not installed"))
        return found

    done = run(broken, tmp_path)
    record = read(tmp_path / "latency-minilm.json")
    assert record.invalid_reasons == ["transformers failed: it ended"]
    assert "INVALID: transformers failed" in done.stderr


def test_suites_are_listed_without_being_imported():
    done = CliRunner().invoke(main, ["--help"])
    assert "latency" in done.stdout
    assert CliRunner().invoke(main, ["nonsense"]).exit_code == 2
