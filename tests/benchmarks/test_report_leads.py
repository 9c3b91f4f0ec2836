"""The table of leads, of records that were never measured."""

from dataclasses import replace

from benchmarks.harness.records import write
from benchmarks.report.leads import leads
from benchmarks.report.results import load
from tests.support import invented


def made(folder, *records):
    for record in records:
        write(record, folder)
    return leads(load(folder))


def test_a_lead_is_that_over_the_fastest_other_of_the_same_precision(tmp_path):
    latency = invented.latency()
    rivals = {"openvino-fp32": 1.18, "optimum-fp32": 1.45, "openvino-int8": 0.86, "transformers": 3.3}
    more = [
        invented.compare("fillmask-fp32", name, {"tokens": tokens}, ratio)
        for tokens in invented.TOKENS
        for name, ratio in rivals.items()
    ]
    latency = replace(latency, comparisons=latency.comparisons + more)
    lines = made(tmp_path, invented.accuracy(), latency).splitlines()
    tokens = " | ".join(f"{each} tokens" for each in invented.TOKENS)
    assert lines[0] == f"| model, CPU | {tokens} | beside | date |"
    int8, fp32 = lines[2:]
    assert int8.startswith("| minilm int8 | ")
    assert int8.endswith(" | optimum-int8 | 2026-01-02 |")
    assert int8.count("| 1.91 ") == len(invented.TOKENS)
    assert fp32.endswith(" | openvino-fp32 | 2026-01-02 |")
    assert fp32.count("| 1.18 ") == len(invented.TOKENS)


def test_a_length_that_did_not_settle_says_so_and_one_that_was_not_measured_has_a_dash(tmp_path):
    latency = replace(invented.latency(), unsettled={"tokens 16": ["values drifted"]})
    other = invented.latency("bert-base")
    few = [[each for each in found if each.case == {"tokens": 128}] for found in (other.rows, other.comparisons)]
    other = replace(other, rows=few[0], comparisons=few[1])
    lines = made(tmp_path, invented.accuracy(), latency, invented.accuracy("bert-base"), other).splitlines()
    base, minilm = lines[2], lines[4]
    assert [cell.strip() for cell in base.split("|")[2:9]] == ["—", "—", "—", "—", "1.91", "—", "—"]
    assert [cell.strip() for cell in minilm.split("|")[2:5]] == ["1.91", "not settled", "1.91"]


def test_without_records_there_is_no_table(tmp_path):
    assert made(tmp_path) == ""
    assert made(tmp_path, invented.latency()) == ""
