"""The result as text and as JSON."""

import json

import pytest

from fillmask.bench.advice import advise
from fillmask.bench.candidates import Candidate
from fillmask.bench.run import Result, Timings
from fillmask.bench.setups import Setup, grid
from fillmask.bench.tables import document, python, shell, text

MACHINE = {"cpu": "a CPU", "threads": 2, "load": 0.5}
ALONE, MANY = Setup("int8", 2), Setup("int8", 1, 2, 16)


def result(timings=None, failed=None):
    return Result(None, MACHINE, 5, [Candidate("int8", checked=True, failed=failed)], timings)


def unadvised():
    """Times of a variant that may not be recommended; its calls are too few for a 90 % percentile."""
    setups = grid(["int8"], [1, 2], budget=2, batched=[])
    samples = {cell: [[0.004], [0.002], [0.003]] for cell in setups.cells([16])}
    return Timings([16], {"int8": None}, setups, samples, None, (), None)


def test_a_setup_is_shown_as_python():
    assert python(None, ALONE) == 'FillMask(variant="int8", threads=2)'
    assert python("a folder", MANY) == (
        'FillMask("a folder", variant="int8", threads=1).predict_many(texts, workers=2, batch_size=16)'
    )


def test_a_setup_is_shown_as_a_command_with_its_path_quoted():
    assert shell("a folder", MANY) == "fillmask serve 'a folder' --variant int8 --threads 2"
    assert shell(None, ALONE) == "fillmask serve --variant int8 --threads 1"


def test_beside_a_gpu_a_setup_names_the_cpu():
    assert python(None, ALONE, on_cpu=True) == (
        'FillMask(variant="int8", threads=2, providers=["CPUExecutionProvider"])'
    )
    assert shell(None, ALONE, on_cpu=True) == "fillmask serve --variant int8 --threads 1 --provider cpu"


def test_a_variant_that_was_not_timed_is_shown_with_its_reason():
    assert text(result(failed="it does not run")).splitlines() == [
        "minilm-en on 2 threads of a CPU, load 0.5 before; 0 rounds, top_k 5",
        "int8: not timed, it does not run",
    ]
    assert document(result(failed="it does not run")).keys() == {"model", "machine", "top_k", "variants"}


def test_times_without_advice_name_the_reason():
    lines = text(result(unadvised())).splitlines()
    assert lines[0].endswith("; 3 rounds, top_k 5")
    assert lines[-1].startswith("No variant can be recommended: nothing says whether their predictions are right")
    (alone, *_) = [line.split() for line in lines if line.startswith("  int8")]
    assert alone[:5] == ["int8", "1", "3", "/", "—"]


def advised(rounds):
    """Times of two setups without a difference."""
    setups = grid(["int8"], [1, 2], budget=2, batched=[])
    samples = {cell: [[0.002]] * rounds for cell in setups.cells([16])}
    advice = advise(samples, setups.latency, [16], beside=setups.usual, control=setups.control)
    return Timings([16], {"int8": None}, setups, samples, advice, (), advice)


@pytest.mark.parametrize(("rounds", "covered"), [(3, "75%"), (4, "88%"), (5, None), (20, None)])
def test_rounds_too_few_for_their_intervals_are_told(rounds, covered):
    lines = text(result(advised(rounds))).splitlines()
    warning = f"Only {rounds} rounds: an interval in brackets holds the true ratio in {covered} of runs, not in 95%. "
    assert [line.startswith(warning) for line in lines if "rounds: " in line] == ([] if covered is None else [True])


def test_json_has_every_cell_and_no_advice():
    found = json.loads(json.dumps(document(result(unadvised()))))
    assert len(found["cells"]) == len(unadvised().samples)
    assert found["peak_memory_bytes"] == {"int8": None}
    assert (found["latency"], found["exceptions"], found["throughput"]) == (None, [], None)
