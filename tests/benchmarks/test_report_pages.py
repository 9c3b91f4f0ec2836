"""The pages that are made of records, and the rules of what may stand on them."""

import re
from dataclasses import replace

import pytest

from benchmarks.harness.records import Comparison, Row, write
from benchmarks.report import pages
from benchmarks.report.goals import GOALS, GPU_GOALS, goals
from benchmarks.report.pages import NOTHING, numbers
from benchmarks.report.results import load, printable
from benchmarks.report.sections import section
from tests.support import invented

MEASURED = re.compile(r"\d+\.\d+×|\d / \d")


@pytest.fixture
def shelf(tmp_path):
    """Write records and load them."""

    def load_these(*records):
        for record in records:
            write(record, tmp_path)
        return load(tmp_path)

    return load_these


@pytest.fixture
def sections(shelf):
    """The section of each record by its name."""

    def made(*records):
        results = shelf(*records)
        return {record.name: section(record) for record in results.records}

    return made


def test_a_race_shows_every_contender_with_its_percentiles(sections):
    page = sections(invented.accuracy(), invented.latency())["latency-minilm"]
    for name in invented.SPEEDS:
        assert re.search(rf"^\| {re.escape(name)} \| .*\d / .*\d / .*\d", page, re.MULTILINE)
    assert "| fillmask-int8 beside transformers | 7.81× [7.58, 8.05] |" in page


def test_a_case_that_is_not_settled_says_why_and_gives_no_numbers(shelf, sections):
    latency = replace(invented.latency(), unsettled={"tokens 16": ["values drifted"]})
    page = sections(invented.accuracy(), latency)["latency-minilm"]
    whole = sections(invented.accuracy(), invented.latency())["latency-minilm"]
    assert page.count("(1) *not settled, values drifted*") == 1
    assert page.count("| *failed (1)* |") >= 1
    assert MEASURED.search(page)
    assert len(MEASURED.findall(page)) < len(MEASURED.findall(whole))
    kept = shelf(invented.accuracy(), latency).find("latency", "minilm")
    assert {each.case["tokens"] for each in kept.comparisons} == {
        each.case["tokens"] for each in invented.latency().comparisons
    } - {16}


def test_of_several_baselines_in_a_case_the_settled_one_keeps_its_numbers():
    case = {"clients": 64, "text": "mixed"}
    rows = [
        Row(name, "int8", case, "texts/s", [1.0]) for name in ("server", "library", "library-again", "library-batches")
    ]
    comparisons = [
        Comparison("server", baseline, case, 1, 1, 1, 1, 1, "") for baseline in ("library", "library-batches")
    ]
    unsettled = {"clients 64, text mixed, library": ["values drifted"]}
    record = replace(invented.latency(), rows=rows, comparisons=comparisons, unsettled=unsettled)
    kept = printable(record, invented.accuracy())
    assert [row.contender for row in kept.rows if row.failed] == ["library", "library-again"]
    assert [each.baseline for each in kept.comparisons] == ["library-batches"]


def test_a_table_says_where_when_of_what_and_how_it_was_made(sections):
    page = sections(invented.accuracy(), invented.latency())["latency-minilm"]
    for said in (
        "An Invented CPU, 2 cores", "2026-01-02", "commit 0123456", "threads 1", "top_k 5", "rounds 16", "n = 800",
        "random weights, SHA-256 abababababab…", "`python -m benchmarks latency --model minilm`",
    ):  # fmt: skip
        assert said in page


def test_a_run_that_is_not_valid_shows_its_reasons_and_no_numbers(sections, shelf):
    record = invented.latency(valid=False, invalid_reasons=["0.3 of the machine's time went to other processes"])
    page = sections(invented.accuracy(), record)["latency-minilm"]
    assert "**INVALID**" in page
    assert "- 0.3 of the machine's time went to other processes" in page
    assert not MEASURED.search(page)
    assert numbers(shelf()) == NOTHING


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ([], "accuracy was not measured"),
        ([replace(invented.accuracy(), valid=False, invalid_reasons=["a"])], "the accuracy run is not valid"),
        ([replace(invented.latency(), profile="quick"), invented.accuracy()], "it is a quick run"),
        ([invented.record("accuracy", params={"subject": {}})], "accuracy was measured on other weights or graphs"),
    ],
)
def test_no_race_is_shown_of_a_quick_run_or_without_a_valid_accuracy_run_of_that_model(sections, others, reason):
    page = sections(invented.latency(), invented.accuracy("bert-base"), *others)["latency-minilm"]
    assert f"- {reason}" in page
    assert not MEASURED.search(page)


def test_a_contender_that_failed_the_accuracy_run_gets_no_speed_and_no_ratio(sections):
    refused = {"optimum-int8": "it puts the right token first at 9 % fewer"}
    page = sections(invented.accuracy(**refused), invented.latency())["latency-minilm"]
    (line,) = re.findall(r"^\| optimum-int8 .*", page, re.MULTILINE)
    assert line.count("*failed (1)*") == len(invented.TOKENS)
    assert page.count("\n(1) *it puts the right token first at 9 % fewer*\n") == 1
    assert not MEASURED.search(line)
    assert "beside optimum-int8" not in page
    assert "beside optimum-fp32" in page


def test_a_contender_that_failed_in_the_race_says_why(sections):
    record = invented.latency()
    rows = [row for row in record.rows if row.contender != "openvino-fp32"]
    rows += [
        Row("openvino-fp32", "fp32", {"tokens": tokens}, "ms", [], failed="no | kernel\nat all") for tokens in (8, 16)
    ]
    page = sections(invented.accuracy(), replace(record, rows=rows))["latency-minilm"]
    (line,) = re.findall(r"^\| openvino-fp32 .*", page, re.MULTILINE)
    assert line.startswith("| openvino-fp32 | *failed (1)* | *failed (1)* | — |")
    assert "\n(1) *no \\| kernel at all*\n" in page


def test_losses_stand_beside_wins(sections):
    case = {"tokens": 8}
    lost = invented.compare("fillmask-int8", "floor-int8", case, 0.912, claim="slower")
    even = invented.compare("fillmask-int8", "optimum-int8", case, 1.01, claim="none")
    page = sections(invented.accuracy(), invented.latency(comparisons=[lost, even]))["latency-minilm"]
    assert "| fillmask-int8 beside floor-int8 | 0.91× [0.88, 0.94] |" in page
    assert "| fillmask-int8 beside optimum-int8 | 1.01× [0.98, 1.04] *no difference* |" in page


def test_rows_of_other_cases_make_tables_of_their_own(sections):
    record = invented.latency()
    steps = [Row("fillmask-int8", "int8", {"tokens": 8, "step": step}, "ms", [0.1, 0.2]) for step in ("encode", "run")]
    page = sections(invented.accuracy(), replace(record, rows=[*record.rows, *steps]))["latency-minilm"]
    assert "| ms, median of the rounds | 8 tokens |" in page
    assert "| fillmask-int8, encode | 0.150 |" in page


def test_a_profile_shows_where_the_time_goes(sections):
    node = {"op": "MatMulInteger", "nodes": 36, "ms": 7.25, "share": 0.58, "gops": 210.0}
    other = node | {"op": "Add", "gops": None}
    page = sections(invented.record("roofline", params={"profiles": {"int8, 128 tokens": [node, other]}}))
    assert "| MatMulInteger | 36 | 7.25 | 58.0 % | 210 |" in page["roofline-minilm"]
    assert "| Add | 36 | 7.25 | 58.0 % | — |" in page["roofline-minilm"]


def goal_row(results, where, beside):
    return next(line for line in goals(results).splitlines() if f"| {where} |" in line and beside in line)


def test_a_record_without_one_of_the_contenders_does_not_tell_which_is_the_fastest(shelf):
    record = invented.latency()
    rows = [row for row in record.rows if row.contender != "openvino-int8"]
    results = shelf(invented.accuracy(), replace(record, rows=rows))
    assert "not measured" in goal_row(results, "latency, minilm, 128 tokens", "beside the fastest other")
    assert "not met" in goal_row(results, "latency, minilm, 128 tokens", "beside transformers")


def test_a_goal_is_met_by_the_whole_interval(shelf):
    results = shelf(invented.accuracy(), invented.latency(), invented.startup())
    assert "not met" in goal_row(results, "latency, minilm, 128 tokens", "beside transformers")
    fastest = goal_row(results, "latency, minilm, 128 tokens", "the fastest other")
    assert "the fastest other, optimum-int8 | at least 2× | 1.91× [1.85, 1.96] | **not met**" in fastest
    met = goal_row(results, "latency, minilm, 16 tokens", "the fastest other")
    assert met.endswith("| met | 2026-01-02 |")
    assert "at least 16.7× | 14.50× [14.06, 14.94] | **not met**" in goal_row(
        results, "startup, minilm", "transformers"
    )
    assert goal_row(results, "memory, minilm, peak", "beside transformers").endswith("| — | not measured | — |")


def on_kind(record, flag):
    return replace(record, context=record.context | {"flags": [flag]})


def test_the_kinds_of_cpu_stand_side_by_side(shelf):
    results = shelf(*(on_kind(made, flag) for flag in ("amx_int8", "avx512_vnni")
                      for made in (invented.accuracy(), invented.latency())))  # fmt: skip
    for kind in ("AMX", "VNNI"):
        assert "7.81×" in goal_row(results, f"latency, minilm, 128 tokens, {kind}", "beside transformers")
        page = section(results.find("latency", "minilm", cpu_kind=kind))
        assert page.startswith(f"### latency, minilm, so many parameters, {kind}\n")
    lines = numbers(results).splitlines()
    assert lines[0] == "| question | beside | AMX | VNNI | command |"
    cell = "1.91× [1.85, 1.96], optimum-int8, 2026-01-02"
    assert f"| the fastest other | {cell} | {cell} |" in lines[3]
    found = [line[: line.index(":")] for line in lines if "An Invented CPU" in line]
    assert found == ["AMX, 2026-01-02", "VNNI, 2026-01-02"]


def test_a_kind_without_a_record_has_a_dash_and_no_goal(shelf):
    others = on_kind(invented.accuracy(), "avx2"), on_kind(invented.latency(), "avx2")
    results = shelf(*others, on_kind(invented.startup(), "amx_int8"))
    assert "| transformers | 14.50× [14.06, 14.94], 2026-01-02 | — |" in numbers(results)
    assert len([line for line in goals(results).splitlines() if "| startup" in line]) == 1


def test_speeds_of_a_kind_need_an_accuracy_run_of_that_kind(shelf):
    results = shelf(on_kind(invented.accuracy(), "avx2"), on_kind(invented.latency(), "amx_int8"))
    assert results.records[-1].invalid_reasons == ["accuracy was not measured"]


def test_every_goal_has_a_row_whatever_was_measured(shelf):
    assert goals(shelf()).count("not measured") == len(GOALS)


def test_the_readme_has_four_rows_with_their_commands_of_what_was_measured(shelf):
    table = numbers(shelf(invented.accuracy(), invented.latency(), invented.throughput(), invented.startup()))
    assert "`.venv-optimum/bin/python -m benchmarks startup --model minilm --out build/results` |" in table
    assert "throughput" not in table
    assert "14.50× [14.06, 14.94], 2026-01-02 |" in table
    assert "2026-01-02: 2 cores of An Invented CPU; numpy 2.0.0, torch 2.13.0." in table
    assert "xlmr" not in table


def test_only_what_stands_between_the_markers_is_written_again(shelf):
    readme = f"before\n{pages.START}\nold\n{pages.END}\nafter\n"
    written = pages.with_numbers(readme, numbers(shelf(invented.startup())))
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    assert "old" not in written
    assert "process start to first answer" in written
    with pytest.raises(ValueError, match="lacks one of its markers"):
        pages.with_numbers("no markers", NOTHING)


def test_the_page_of_files_has_rates_and_their_ratios(shelf):
    assert pages.batch_numbers(shelf()) == NOTHING
    case, rates = {"texts": "8 to 14 tokens"}, {"library": 500.0, "library-again": 505.0, "jsonl": 600.0}
    rows = [Row(name, "int8", case, "texts/s", [rate, rate, rate]) for name, rate in rates.items()]
    made = pages.batch_numbers(shelf(invented.record("batch", model="", rows=rows)))
    assert "| jsonl | 600 |" in made
    assert "An Invented CPU" in made


def served(flag, **changes):
    """A record of the server on a kind of CPU."""
    ratios = {"server": 0.95, "server-lists": 1.06}
    compared = [
        invented.compare(name, baseline, {"clients": 64, "text": text}, ratio * {"mixed": 1, "short": 0.5}[text])
        for text in ("short", "mixed")
        for name, ratio in ratios.items()
        for baseline in ("library", "library-batches")
    ]
    params = {"clients": 64, "clients_with_lists": 8, "batch": 16}
    return on_kind(invented.record("server", model="", params=params, comparisons=compared, **changes), flag)


def test_the_page_of_the_server_has_the_shares_of_each_kind_and_what_did_not_settle(shelf):
    assert pages.server_numbers(shelf()) == NOTHING
    lost = {"clients 64, text mixed, library-batches": ["values drifted"]}
    made = pages.server_numbers(shelf(served("amx_int8"), served("avx2", unsettled=lost)))
    assert made.splitlines()[0] == "| clients | texts a request | texts | AMX | AVX2 |"
    assert "| 64 | 1 | mixed lengths | 0.95× [0.92, 0.98] | not settled |" in made
    assert "| 8 | 16 | mixed lengths | 1.06× [1.03, 1.09] | not settled |" in made
    assert "| 8 | 16 | the shortest | 0.53× [0.51, 0.55] | 0.53× [0.51, 0.55] |" in made
    assert made.count("An Invented CPU") == 2


def test_evaluations_are_left_to_other_pages_and_an_unknown_suite_is_refused(shelf, tmp_path):
    write(invented.record("schemes", model="", findings={"models": {}}), tmp_path)
    assert [record.name for record in shelf(invented.startup()).records] == ["startup-minilm"]
    write(invented.record("guesses"), tmp_path)
    with pytest.raises(ValueError, match="does not know: guesses-minilm"):
        load(tmp_path)


def gpu(suite, ratio, **changes):
    """A record of a GPU on which fillmask is so many times as fast as transformers."""
    case = {"tokens": 128} if suite == "latency" else {"way": "batches"}
    compared = invented.compare("fillmask-fp16", "transformers", case, ratio)
    return replace(invented.record(suite, comparisons=[compared]), device="cuda", **changes)


def test_a_gpu_has_records_and_goals_of_its_own(shelf):
    accuracy = replace(invented.accuracy(), device="cuda")
    results = shelf(accuracy, gpu("latency", 3.2), gpu("throughput", 2.0))
    lines = goals(results).splitlines()
    (latency,), (throughput,) = (
        [line for line in lines if where in line] for where in ("128 tokens, on cuda", "batches, on cuda")
    )
    assert "fillmask-fp16 beside transformers | at least 2.86× | 3.20× [3.10, 3.30] | met |" in latency
    assert throughput.endswith("| at least 2× | 2.00× [1.94, 2.06] | **not met** | 2026-01-02 |")
    assert goals(results).count("not measured") == len(GOALS) + len(GPU_GOALS) - 2
    page = section(results.find("latency", "minilm", "cuda"))
    assert page.startswith("### latency, minilm, so many parameters, on cuda")


def test_speeds_of_a_gpu_need_an_accuracy_run_of_that_gpu(shelf):
    results = shelf(invented.accuracy(), gpu("latency", 3.2))
    assert results.records[-1].invalid_reasons == ["accuracy was not measured"]
    assert "on cuda" not in goals(results)
