"""Where the gate demands it, the most sensitive products stay in float; a gate that this does not pass refuses."""

import json
import re
from weakref import ref

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import numpy_helper
from transformers import AutoTokenizer

from fillmask_export import FidelityError, Plan, export
from fillmask_export.build_variant import attempts, build_variant
from fillmask_export.passes import make_lean
from fillmask_export.verify.eval_data import load_eval_data

PLAN = {"masks": 600, "rounds": 0, "max_accuracy_loss": 1.0}


@pytest.fixture(scope="module")
def reachable_kl(checkpoint_of, tmp_path_factory):
    """A limit that int8 keeps with some of its products in float alone; how many depends on the random weights."""
    out, steps = tmp_path_factory.mktemp("refused") / "out", []
    with pytest.raises(FidelityError) as refused:
        export(checkpoint_of("wordpiece"), out, ("int8",), plan=Plan(max_kl=1e-9, **PLAN), say=steps.append)
    reports = "".join([*steps, str(refused.value)])
    first, *others = map(float, re.findall(r"mean KL divergence is (\S+),", reports))
    assert min(others) < first
    return (min(others) + first) / 2  # the long texts, which are checked too, differ from the others


@pytest.fixture
def build(plain_of, checkpoint_of, tmp_path):
    """Builds int8 for a plan, without the checkpoint's logits."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint_of("wordpiece"))

    def make(plan):
        model, eval_data = ir.load(plain_of("wordpiece")), load_eval_data(tokenizer, plan, 64)
        make_lean(model)
        return build_variant(
            "int8", model, tmp_path, reference=None, eval_data=eval_data, plan=plan, say=lambda _: None
        )

    return make


def products(folder):
    graph = onnx.load(folder / "model_int8.onnx", load_external_data=False).graph
    return sum(node.op_type == "MatMulIntegerToFloat" for node in graph.node)


def test_sensitive_products_stay_in_float_until_the_gate_is_passed(checkpoint_of, tmp_path, reachable_kl):
    steps, out = [], tmp_path / "out"
    manifest = export(
        checkpoint_of("wordpiece"), out, ("int8",), plan=Plan(max_kl=reachable_kl, **PLAN), say=steps.append
    )
    entry = manifest["variants"]["int8"]
    assert entry["fidelity"]["mean_kl"] <= reachable_kl
    assert "left in fp32 (" in entry["quantization"]
    assert "left in fp32 (" in (out / "README.md").read_text()
    assert any("too far from its checkpoint" in step and "trying again" in step for step in steps)
    assert 0 < products(out) < 13


def test_a_gate_that_half_in_float_does_not_pass_refuses(checkpoint_of, tmp_path):
    with pytest.raises(FidelityError, match=r"int8 is too far .*, the products of 4 activations left in fp32"):
        export(checkpoint_of("wordpiece"), tmp_path / "out", ("int8",), plan=Plan(max_kl=1e-9, **PLAN))
    assert list(tmp_path.iterdir()) == []


def test_a_failed_attempt_leaves_none_of_its_weights(checkpoint_of, tmp_path, reachable_kl):
    out = tmp_path / "out"
    export(checkpoint_of("wordpiece"), out, ("int8",), plan=Plan(max_kl=reachable_kl, **PLAN))
    manifest = json.loads((out / "fillmask.json").read_text())
    listed = {path.name for path in out.iterdir()} - {"fillmask.json", "README.md"}
    assert listed <= set(manifest["files"])
    model = onnx.load(out / "model_int8.onnx")
    used = sum(numpy_helper.to_array(each).nbytes for each in model.graph.initializer)
    assert sum((out / name).stat().st_size for name in listed if name.endswith("_data")) <= used


@pytest.mark.parametrize(("max_kl", "head"), [(1e-9, "multiplies floats"), (9.0, "multiplies integers")])
def test_the_limit_of_the_export_decides_on_the_head(build, monkeypatch, max_kl, head):
    monkeypatch.setattr("fillmask_export.build_variant.accept", lambda *_, **__: {})
    monkeypatch.setattr("fillmask_export.build_variant.predict_texts", lambda *_: [])
    assert f"the LM head, which {head}" in build(Plan(max_kl=max_kl))["quantization"]


def test_a_refused_attempt_keeps_nothing_in_memory_during_the_next(tmp_path, monkeypatch):
    made, alive = [], []

    def refuse(*_, **__):
        alive.append(sum(each() is not None for each in made))
        session = np.zeros(1)
        made.append(ref(session))
        raise FidelityError("too far")

    monkeypatch.setattr("fillmask_export.build_variant.attempts", lambda *_: [[], ["a"], ["a", "b"]])
    monkeypatch.setattr("fillmask_export.build_variant.write_graph", lambda *_, **__: {"file": ""})
    monkeypatch.setattr("fillmask_export.build_variant.accept", refuse)
    with pytest.raises(FidelityError, match="too far, the products of 2 activations left in fp32"):
        build_variant("int8", None, tmp_path, reference=None, eval_data=None, plan=Plan(), say=lambda _: None)
    assert alive == [0, 0, 0]


@pytest.mark.parametrize(
    ("variant", "counts"), [("int8", [0, 1, 2, 4]), ("int4", [0, 1, 2, 4]), ("fp16", [0]), ("fp32", [0])]
)
def test_each_attempt_keeps_the_most_sensitive(variant, counts, monkeypatch):
    ranking = [f"activation {number}" for number in range(9)]
    monkeypatch.setattr("fillmask_export.build_variant.rank", lambda model, probes: ranking)

    class EvalData:
        class calibration:  # noqa: N801
            probes = ()

    assert [list(kept) for kept in attempts(variant, None, EvalData)] == [ranking[:count] for count in counts]
