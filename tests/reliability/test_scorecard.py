"""Every part of the scorecard on a small scale, most of them slowly, and rows that fail where something is wrong."""

import contextlib
import http.client
import re
from itertools import count
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from benchmarks.harness import machine
from benchmarks.harness.records import findings
from fillmask import Prediction
from tests.load.generator import Result
from tests.reliability import (
    attacked,
    checks,
    faults,
    hostile_folders,
    load,
    mutations,
    overload,
    predictions,
    scorecard,
)
from tests.reliability.row import Row, Scale

SMALL = Scale(0.01)
QUICK = (
    *("connects", "disconnects", "corrupted", "budgets", "curated", "recoveries", "determinism", "batches", "fuzzed"),
    *("hostile", "hostile_texts"),
)
LONGER = (
    *("steady", "overload", "endings", "deadlines", "slow_clients", "generated", "keys", "properties", "forks"),
    *("limits", "exports", "supply", "attacks", "attacked"),
)
# Seconds say nothing of a rate or of growing memory. So of these parts only what holds at every scale is asserted.
COUNTED = {
    "ladder": r"^0 failed, ",
    "soak": r"; [+-][0-5] open files after it$",
    "throttling": r"^not measured|; 0 of [1-9]\d* failed$",
}


def test_every_part_is_run_on_a_small_scale():
    assert sorted([*QUICK, *LONGER, *COUNTED]) == sorted(scorecard.MEASURES)


@pytest.mark.parametrize("name", QUICK)
def test_a_row_passes_on_a_small_scale(name):
    for row in scorecard.MEASURES[name](SMALL):
        assert row.passed, row


@pytest.mark.slow
@pytest.mark.parametrize("name", LONGER)
def test_a_longer_row_passes_on_a_small_scale(name):
    for row in scorecard.MEASURES[name](SMALL):
        assert row.passed, row


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTED)
def test_a_row_of_rates_or_memory_is_made_on_a_small_scale(name):
    for row in scorecard.MEASURES[name](SMALL):
        assert re.search(COUNTED[name], row.figure), row


@pytest.mark.slow
def test_a_leak_of_a_kilobyte_a_request_is_found():
    slope, requests, _ = load._slope(4, 4096)
    assert type(slope) is float  # JSON has no number of NumPy, nor what a comparison with one gives
    assert requests > 100
    assert slope > 10


def result(due, status, latency=0.0):
    return Result(due, latency, status, status == 429, b"", 0)


def test_goodput_counts_successes_from_the_full_queue_to_the_last_request():
    early = [result(0.1 * index, 200) for index in range(40)]
    counted = [result(5 + 0.1 * index, 200) for index in range(40)]
    late = [result(13, 200, 2.0)] * 30
    assert overload.Outcome([*early, *counted, *late, result(14, 429)], [], best=5).goodput == 4


@pytest.mark.parametrize(
    ("latencies", "passed"), [({}, True), ({429: 0.06}, False), ({0: 0.0}, False)], ids=["well", "late", "reset"]
)
def test_an_overload_row_fails_by_what_it_measures(latencies, passed):
    results = [result(0.1 * index, 200 if index % 2 else 429) for index in range(400)]
    results += [result(1, status, latency) for status, latency in latencies.items()] * 20
    alive = [result(1, 200, 0.01)]
    outcome, worse = (overload.Outcome(results, alive, best) for best in (5, 6))
    stopped = overload.Outcome(results, [result(1, 200, 0.2)], best=5)
    assert overload.row(2, [outcome]).passed is passed
    assert overload.row(2, [outcome, worse, outcome]).passed is passed
    assert not overload.row(2, [outcome, worse, worse]).passed
    assert not overload.row(2, [stopped]).passed


@pytest.mark.parametrize(
    ("changed", "passed"),
    [({}, True), ({"peak": 2 << 30}, False), ({"defects": 1}, False), ({"status": 429}, False), ({"late": 0.4}, False),
     ({"live": 0}, False)],
)  # fmt: skip
def test_a_row_of_a_client_beside_attacks_fails_by_what_it_measures(changed, passed):
    alone = [result(1, 200, 0.1)] * 100
    beside = [result(1, changed.get("status", 200), changed.get("late", 0.2))] * 100
    alive = [result(1, changed.get("live", 200), 0.1)]
    facts = {"peak": changed.get("peak", 1000), "defects": changed.get("defects", 0), "seconds": 9}
    assert attacked._row(alone, beside, alive, {"idle": 3}, **facts).passed is passed


def test_a_normal_client_fails_by_each_other_status_and_by_each_error():
    left = [200, 503, ConnectionResetError(), http.client.IncompleteRead(b""), 200]

    def ask(_):
        if isinstance(left[0], Exception):
            raise left.pop(0)
        return SimpleNamespace(status=left.pop(0))

    done = SimpleNamespace(wait=lambda _: not left)
    latencies = faults._normal_client(SimpleNamespace(ask=ask), done, 60)
    assert [latency == faults.FAILED for latency in latencies] == [False, True, True, True, False]


@pytest.mark.parametrize(
    ("rates", "others", "passed", "said"),
    [
        ({1: 50, 2: 90, 64: 100, 128: 91}, {128: 7}, True, "0 failed, 7 beyond 64 clients; each at least 0.91 of"),
        ({1: 50, 2: 90, 64: 100, 128: 91}, {}, True, "saturation from 2 clients on"),
        ({1: 50, 2: 90, 64: 80, 128: 200}, {}, False, "each at least 0.89 of the best with fewer clients"),
        ({1: 50, 2: 90, 64: 100, 128: 120}, {}, True, "saturation not reached with 128 clients"),
        ({1: 50, 2: 100, 64: 150, 128: 300}, {}, True, "each at least 1.50 of"),
        ({1: 50, 2: 90, 64: 100, 128: 89}, {}, False, "each at least 0.89"),
        ({1: 50, 2: 90, 64: 100, 128: 100}, {64: 1}, False, "1 failed, 0 beyond"),
        ({1: 0, 2: 0}, {}, False, "each at least 0.00"),
    ],
)
def test_a_rung_is_compared_with_those_of_fewer_clients(rates, others, passed, said):
    row = load.rungs(rates, others)
    assert row.passed is passed
    assert said in row.figure


def test_a_ladder_sends_texts_that_differ_and_counts_their_responses_with_status_200(monkeypatch):
    sent = []

    def closed_loop(requests, clients, _):
        sent.append(len({*requests.bodies}))
        return [result(0, 200)] * 100 + [result(0, 429)] * (clients > 64) * 900

    seconds = count()
    monkeypatch.setattr(load, "time", SimpleNamespace(perf_counter=lambda: float(next(seconds))))
    monkeypatch.setattr(load, "serve", lambda: contextlib.nullcontext(SimpleNamespace(address=("localhost", 1))))
    monkeypatch.setattr(load, "closed_loop", closed_loop)
    monkeypatch.setattr(load, "run", lambda results: results)
    (row,) = load.ladder(SMALL)
    assert sent == [256] * 8
    assert "128 clients, 256 texts" in row.test
    assert "0 failed, 900 beyond 64 clients; each at least 1.00 of" in row.figure
    assert row.figure.endswith("64: 100, 128: 100")


@pytest.mark.parametrize(
    ("slopes", "left", "passed"),
    [((0.9, 1.1), 5, [True, True]), ((1.1, 1.1), 0, [False, True]), ((0.9, 0.9), 0, [True, False]),
     ((0.9, 1.1), -6, [False, True])],
)  # fmt: skip
def test_a_soak_fails_by_growth_by_open_files_and_by_a_leak_that_is_not_found(monkeypatch, slopes, left, passed):
    monkeypatch.setattr(load, "_slope", lambda _, leak: (slopes[leak is not None], 1000, left))
    assert [row.passed for row in load.soak(SMALL)] == passed


def predicted(*scores):
    return [[Prediction(score, token, str(token), "") for token, score in scores]]


def test_a_difference_is_that_of_scores_unless_tokens_change_places():
    assert predictions.difference(predicted((1, 0.5), (2, 0.3)), predicted((1, 0.4), (2, 0.3))) == pytest.approx(0.1)
    assert predictions.difference(predicted((1, 0.5), (2, 0.3)), predicted((2, 0.5), (1, 0.3))) == pytest.approx(0.2)
    assert predictions.difference(predicted((1, 0.5)), predicted((2, 0.4))) == float("inf")


def test_a_crash_and_a_hang_of_a_parser_are_found(monkeypatch):
    def crash(content):
        if b"9" * 40 in content:
            raise ZeroDivisionError

    monkeypatch.setattr(mutations, "targets", lambda: {"bodies": crash})
    (row,) = mutations.fuzzed(SMALL)
    assert not row.passed
    assert "ZeroDivisionError on b'" in row.figure
    monkeypatch.setattr(mutations, "LONGEST_S", 0.0)
    monkeypatch.setattr(mutations, "targets", lambda: {"bodies": lambda _: None})
    assert not mutations.fuzzed(Scale(0.001))[0].passed


@pytest.mark.slow
def test_the_unchanged_folder_predicts_and_one_that_reads_outside_is_found(monkeypatch):
    assert hostile_folders.control() == "predicted"
    monkeypatch.setattr(hostile_folders, "harms", lambda: {"none": lambda _: None})
    assert not hostile_folders.hostile(Scale(1))[0].passed


@pytest.mark.slow
def test_checks_that_fail_or_that_are_none_fail_their_row(tmp_path):
    (tmp_path / "test_it.py").write_text("def test_a():\n    pass\n\n\ndef test_b():\n    raise ValueError\n")
    assert str(checks.run_checks(tmp_path / "test_it.py")) == "1 of 2 checks failed"
    assert not checks.run_checks(tmp_path / "test_it.py").passed
    assert not checks.run_checks(tmp_path / "test_it.py", words=["nothing"]).passed


@pytest.mark.slow
def test_checks_fail_their_row_where_a_file_or_a_word_gives_none_or_all_are_too_few(tmp_path):
    skipped = "import pytest\n\n\n@pytest.mark.skip\ndef test_a_skipped():\n    pass\n"
    for name, content in {"one": "def test_a_fork():\n    pass\n", "other": skipped}.items():
        (tmp_path / f"test_{name}.py").write_text(content)
    one, other = (tmp_path / f"test_{name}.py" for name in ("one", "other"))
    assert checks.run_checks(one, words=["fork"]).passed
    found = checks.run_checks(one, other, words=["fork", "spawn", "skipped"])
    assert not found.passed
    assert str(found) == "0 of 1 checks failed, 1 skipped, no test of test_other.py, spawn, skipped ran"
    assert not checks.run_checks(one, least=2).passed


def unwatched():
    """A watch on a machine on which nothing else runs."""
    return contextlib.nullcontext(machine.Watch())


def test_parts_are_resumed_and_the_first_failure_may_end_it(monkeypatch, tmp_path):
    ran = []

    def measure(name, *, passes):
        def it(_):
            ran.append(name)
            return [Row("load", name, "b", "c", passes)]

        return it

    measures = {"one": measure("one", passes=True), "two": measure("two", passes=False)}
    monkeypatch.setattr(scorecard, "MEASURES", measures | {"three": measure("three", passes=True)})
    monkeypatch.setattr(scorecard, "STORED", tmp_path / "reliability.json")
    monkeypatch.setattr(scorecard, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(scorecard, "watch", unwatched)
    (tmp_path / "page.md").write_text(f"{scorecard.START}\n{scorecard.END}\n")
    assert CliRunner().invoke(scorecard.main, ["--fail-fast"]).exit_code == 1
    assert ran == ["one", "two"]
    assert CliRunner().invoke(scorecard.main, ["--resume"]).exit_code == 1
    assert ran == ["one", "two", "two", "three"]
    assert "2 of 3 passed" in (tmp_path / "page.md").read_text()


def test_the_page_shows_what_was_measured():
    record = {
        "context": {"date": "2026-01-01", "cores": 2, "cpu_model": "CPU"},
        "parts": {
            "steady": {
                "code": "a",
                "at": "2026-01-01T09:00:00+00:00",
                "scale": 1,
                "foreign": 0.01,
                "rows": [vars(Row("load", "a", "b", "c", True))],
            },
            "soak": {
                "code": "b",
                "at": "2026-01-01T08:00:00+00:00",
                "scale": 0.5,
                "foreign": 0.02,
                "rows": [vars(Row("load", "d", "e", "f", False))],
            },
        },
    }
    page = scorecard.with_table(f"before\n{scorecard.START}\nold\n{scorecard.END}\nafter\n", record)
    assert page.startswith("before\n")
    assert page.endswith("\nafter\n")
    assert "old" not in page
    assert "| load | a | b | c | yes |" in page
    assert "| load | d | e | f | **no** |" in page
    assert "1 of 2 passed; on a smaller scale: soak." in page
    assert "Not measured yet: ladder, overload, " in page
    assert "other processes took 2% of it" in page
    assert "The rows are of 2 states of the code, the last of 2026-01-01 09:00 UTC." in page


def test_the_page_says_how_much_longer_a_client_beside_all_attacks_waits():
    (row,) = findings(scorecard.STORED)["parts"]["attacked"]["rows"]
    beside, alone = map(float, re.search(r"p99 (\d+) ms, without attacks (\d+) ms", row["figure"]).groups())
    page = " ".join(scorecard.PAGE.read_text("utf-8").split())
    assert f"In the last record the p99 is {beside / alone:.1f} times that without attacks. The limit is 3." in page


def test_the_table_in_the_docs_is_that_of_the_record():
    page, record = scorecard.PAGE.read_text("utf-8"), findings(scorecard.STORED)
    assert record["parts"].keys() <= scorecard.MEASURES.keys()
    assert scorecard.with_table(page, record) == page
