import json
from dataclasses import replace

import pytest

from benchmarks.harness.records import RESULTS, read, replace_between, write
from tests.support.record_examples import COMPARISON, RECORD, ROW


def test_what_is_written_is_read_again_with_numbers_of_five_digits(tmp_path):
    path = write(RECORD, tmp_path / "made")
    assert path.name == "latency-minilm.json"
    found = read(path)
    assert found.rows[0].samples == [[1.2346, 2.0], [1.5]]
    assert found.comparisons[0].ratio == 9.1235
    assert replace(found, rows=[], comparisons=[]) == replace(RECORD, rows=[], comparisons=[])


def test_a_suite_without_a_model_has_its_own_name(tmp_path):
    assert write(replace(RECORD, suite="size", model=""), tmp_path).name == "size.json"


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        (["avx2", "avx512f", "avx512_vnni", "amx_int8"], "AMX"),
        (["avx2", "avx_vnni"], "VNNI"),
        (["avx", "avx2", "avx512f"], "AVX2"),
        (["neon", "asimddp", "i8mm"], "I8MM"),
        (["asimddp"], "NEON"),
        ([], ""),
    ],
)
def test_each_kind_of_cpu_has_a_record_of_its_own(tmp_path, flags, kind):
    record = replace(RECORD, context=RECORD.context | {"flags": flags})
    assert record.cpu_kind == kind
    assert write(record, tmp_path).stem == "-".join(filter(None, ["latency-minilm", kind.lower()]))
    assert replace(record, device="cuda").name == "latency-minilm-cuda"


def test_one_value_a_round_is_a_form_too(tmp_path):
    row = replace(ROW, samples=[1.0, 2.0])
    assert read(write(replace(RECORD, rows=[row]), tmp_path)).rows == [row]


@pytest.mark.parametrize(
    "wrong",
    [
        {"profile": "slow"},
        {"schema_version": 2},
        {"rows": [replace(ROW, samples="none")]},
        {"comparisons": [replace(COMPARISON, claim="better")]},
    ],
)
def test_what_is_no_record_is_not_written(tmp_path, wrong):
    with pytest.raises(ValueError, match="not a record of schema 1"):
        write(replace(RECORD, **wrong), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [{"valid": False}, {"invalid_reasons": ["steal"]}])
def test_validity_and_its_reasons_must_agree(tmp_path, wrong):
    with pytest.raises(ValueError, match="says valid="):
        write(replace(RECORD, **wrong), tmp_path)


def test_a_file_with_a_key_too_many_or_too_few_is_refused(tmp_path):
    path = write(RECORD, tmp_path)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"mean_ms": 1}))
    with pytest.raises(ValueError, match="mean_ms"):
        read(path)
    del content["watch"]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="watch"):
        read(path)


def test_the_records_of_evaluations_are_records():
    for name in ("cloze", "emulation", "reliability", "schemes"):
        record = read(RESULTS / f"{name}.json")
        assert record.suite == name
        assert record.findings


def test_a_page_gets_new_content_between_its_markers():
    assert replace_between("a <s> old <e> b", "<s>", "<e>", "new") == "a <s>\nnew\n<e> b"
