from contextlib import closing

import pytest

from fillmask.errors import InputError
from fillmask.files.inputs import Position, find_inputs
from fillmask.files.records import Layout
from fillmask.files.row_parameters import resolve_parameters
from fillmask.files.runner import Runner, choose_batches, growing_windows
from fillmask.files.verbs import VERBS
from fillmask.invariance import Invariance
from fillmask.model import Model
from fillmask.runtime.cpu import available_threads
from tests.unit.files.conftest import parts


@pytest.mark.parametrize("workers", [1, 3])
def test_the_bytes_depend_neither_on_the_workers_nor_on_the_run(run, write, rows, tmp_path, workers):
    path = write("in.jsonl", rows(120))
    run(path, tmp_path / "a", rows_per_part=50, workers=2)
    run(path, tmp_path / "b", rows_per_part=50, workers=workers)
    assert parts(tmp_path / "a") == parts(tmp_path / "b")


def test_a_row_that_is_malformed_keeps_its_place(native, tmp_path):
    (tmp_path / "in.jsonl").write_bytes(b'{"text": "[MASK] cat"}\n{\n{"n": 1}\n{"text": "[MASK] dog"}\n')
    inputs = find_inputs("in.jsonl", input_format=None, text="text", id_column=None)
    layout = Layout(VERBS["predict"], inputs, "all", flat=False, fixed=False)
    parameters = resolve_parameters(native.model, VERBS["predict"], {})
    runner = Runner(native.model, layout, parameters, choose_batches(native.model, 2, 1))
    with closing(inputs.rows(Position())) as unparsed:
        outcomes = list(runner.run(unparsed, 3))
    assert [row.index for row, _ in outcomes] == [0, 1, 2, 3]
    assert [isinstance(outcome, InputError) for _, outcome in outcomes] == [False, True, True, False]
    assert "line 2 is not JSON" in str(outcomes[1][1])


def test_batches_and_workers_are_as_given_or_those_for_throughput(native):
    chosen = choose_batches(native.model, 3, 2)
    assert (chosen.batch_size, chosen.workers) == (3, 2)
    chosen = choose_batches(native.model, None, None)
    assert (chosen.batch_size, chosen.workers) == (16, available_threads())


def test_a_batch_size_without_effect_is_not_refused(native, monkeypatch):
    monkeypatch.setattr(Model, "invariance", Invariance(padded=False, equal_length=False))
    alone = {name: verb.alone for name, verb in VERBS.items()}
    assert alone == {name: name != "predict" for name in VERBS}
    assert choose_batches(native.model, 16, 1, alone=True).batch_size == 16
    assert choose_batches(native.model, None, 1, alone=True).batch_size == 1
    with pytest.raises(InputError, match="take a batch_size of 1"):
        choose_batches(native.model, 16, 1)


@pytest.mark.parametrize(
    ("rows", "windows"), [(1, [1]), (128, [128]), (500, [128, 256, 116]), (3000, [128, 256, 512, 1024, 1024, 56])]
)
def test_windows_grow_to_a_thousand_rows(rows, windows):
    assert list(growing_windows(rows)) == windows
