import numpy as np
import onnxruntime as ort
import pytest

from benchmarks.contenders.instrumented import InstrumentedModel
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import Rounds
from benchmarks.research import options
from fillmask.artifact.folder import EMBEDDED

TEXT = "She drank a cup of [MASK]."


@pytest.mark.parametrize(("threads", "name"), [(at, name) for at, each in options._CHANGES.items() for name in each])
def test_a_change_reaches_the_session_and_keeps_its_logits(threads, name, monkeypatch):
    made, original = [], ort.InferenceSession

    def spy(graph, given, **rest):
        made.append(given)
        return original(graph, given, **rest)

    monkeypatch.setattr(ort, "InferenceSession", spy)
    changes = (str, options._CHANGES[threads][name])
    usual, changed = (InstrumentedModel(EMBEDDED, "int8", threads, change) for change in changes)
    before, after = ({key: _value(given, key) for key in _KEYS} for given in made)
    assert [key for key in _KEYS if before[key] != after[key]] == [_KEY_OF[name]]
    (expected,), (found,) = usual.take(TEXT).run(), changed.take(TEXT).run()
    # Two round otherwise, and int8 activations then fall on their neighbours.
    np.testing.assert_allclose(found, expected, atol=_LOOSE.get(name, 1e-4))
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.999
    assert ort.InferenceSession is spy  # back in place


_LOOSE = {"no prepacking": 0.1, "GELU approximated": 0.5}
_KEY_OF = {
    "no memory pattern": "enable_mem_pattern",
    "no arena": "enable_cpu_mem_arena",
    "denormals as zero": "session.set_denormal_as_zero",
    "weights outside the arena": "session.use_device_allocator_for_initializers",
    "no prepacking": "session.disable_prepacking",
    "GELU approximated": "optimization.enable_gelu_approximation",
    "no spinning": "session.intra_op.allow_spinning",
}
_KEYS = list(_KEY_OF.values())


def _value(given, key):
    if hasattr(given, key):
        return getattr(given, key)
    try:
        return given.get_session_config_entry(key)
    except RuntimeError:
        return None


def test_a_bound_run_gives_the_logits_of_the_other():
    model = InstrumentedModel(EMBEDDED, "int8", 1)
    (expected,) = model.take(TEXT).run()
    np.testing.assert_array_equal(options._bound(model)(), expected)


def test_every_change_and_the_binding_are_compared_with_how_it_is():
    models = {name: InstrumentedModel(EMBEDDED, "int8", 1) for name in ("as it is", "as it is, again", "no arena")}
    blocks, found = options._blocks(models, TEXT, 3), SuiteResult()
    assert all(block() > 0 for block in blocks.values())
    options._add(found, Rounds({name: [1.0, 2.0] for name in blocks}, {}), {"tokens": 16, "threads": 1})
    assert [(each.contender, each.baseline) for each in found.comparisons] == [
        ("no arena", "as it is"), ("IO binding", "as it is"),
    ]  # fmt: skip
