import math
import os
import signal
from types import SimpleNamespace

import pytest

from benchmarks.harness.options import SuiteOptions
from benchmarks.harness.worker import ContenderError
from benchmarks.models.folders import ModelFolders
from benchmarks.suites import startup
from benchmarks.suites.startup import seconds_to_line
from fillmask.artifact.folder import EMBEDDED


@pytest.fixture
def folders(tmp_path):
    return ModelFolders("minilm", tmp_path / "it's here", tmp_path, EMBEDDED, trained=False)


def options(rounds):
    return SuiteOptions("minilm", "quick", rounds=rounds)


def test_the_clock_stops_at_the_line_not_at_the_end(monkeypatch, tmp_path):
    """The second look at the clock ends the program, which has printed its line and would go on for a minute."""
    number, ended, looks = tmp_path / "number", tmp_path / "ended", []

    def look():
        if looks:
            os.kill(int(number.read_text()), signal.SIGKILL)
        looks.append(ended.exists())
        return float(len(looks))

    monkeypatch.setattr(startup, "time", SimpleNamespace(perf_counter=look))
    begin = f"import os, pathlib, time; pathlib.Path({str(number)!r}).write_text(str(os.getpid()))"
    end = f"time.sleep(60); pathlib.Path({str(ended)!r}).touch()"
    assert seconds_to_line(f"{begin}; print('milk', flush=True); {end}") == 1
    assert looks == [False, False]


def test_the_clock_runs_until_the_line():
    assert seconds_to_line("import time; time.sleep(0.3); print('milk')") > 0.3


def test_a_program_that_prints_nothing_is_an_error_that_says_why():
    with pytest.raises(ContenderError, match=r"no line from 'import nowhere', which ended with 1: .*No module named"):
        seconds_to_line("import nowhere")
    with pytest.raises(ContenderError, match="ended with 0: nothing on stderr"):
        seconds_to_line("pass")
    with pytest.raises(ContenderError, match="ended with 0"):
        seconds_to_line("print()")


def test_noise_on_stderr_neither_blocks_nor_counts():
    assert seconds_to_line("import sys; sys.stderr.write('x' * 1_000_000); print('milk')") > 0


def test_programs_are_offline(monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert seconds_to_line("import os; assert os.environ['HF_HUB_OFFLINE'] == '1'; print(1)") > 0


def test_the_ratio_is_of_first_answers(folders, monkeypatch):
    monkeypatch.setattr(startup, "seconds_to_line", lambda code: 3.0 if "transformers" in code else 0.15)
    found = startup.measure(options(3), folders)
    (comparison,) = found.comparisons
    assert (comparison.contender, comparison.baseline) == ("fillmask-int8", "transformers")
    assert comparison.ratio == pytest.approx(20)
    assert comparison.claim == "faster"
    assert {row.contender: row.samples for row in found.rows}["transformers"] == [3.0] * 3


def test_a_contender_that_prints_nothing_is_in_the_record_and_in_no_ratio(folders, monkeypatch):
    def seconds(code):
        if "transformers" in code:
            raise ContenderError("no line from it")
        return 0.2

    monkeypatch.setattr(startup, "seconds_to_line", seconds)
    found = startup.measure(options(3), folders)
    rows = {row.contender: row for row in found.rows}
    assert rows["transformers"].failed == "no line from it"
    assert rows["transformers"].samples == []
    assert rows["fillmask-int8"].samples == [0.2] * 3
    assert not found.comparisons
    assert not any(math.isnan(value) for row in found.rows for value in row.samples)


def test_the_programs_are_python_whatever_the_folder_is_called(folders):
    for code in startup.programs(folders, "Paris is the [MASK] of France.").values():
        compile(code, "program", "exec")


def test_the_embedded_model_answers_in_a_fresh_process(folders):
    programs = startup.programs(folders, "Paris is the [MASK] of France.")
    assert seconds_to_line(programs["fillmask-int8"]) > 0
