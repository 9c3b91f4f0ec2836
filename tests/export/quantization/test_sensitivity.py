"""What suffers most from integers is ranked first."""

import numpy as np
import pytest

from fillmask_export.passes import make_lean
from fillmask_export.quantization import quantize
from fillmask_export.quantization.activations import Sample, find_activations
from fillmask_export.quantization.integer_head import prepare_head, quantize_head
from fillmask_export.quantization.prepare import prepare, qparams_of
from fillmask_export.quantization.sensitivity import rank, relative_error
from tests.support.graphs import feeds_of, operators, random_probes, run


@pytest.fixture
def lean(plain):
    make_lean(plain)
    return plain


def test_every_activation_is_ranked_once_and_the_graph_stays(lean):
    nodes = [node.op_type for node in lean.graph]
    assert sorted(rank(lean, random_probes())) == sorted(activation.name for activation in find_activations(lean))
    assert [node.op_type for node in lean.graph] == nodes


def test_an_activation_with_rare_large_values_is_ranked_first(lean, monkeypatch):
    from fillmask_export.quantization import sensitivity

    def spoiled(model, calibration):
        activations, samples, split = prepare(model, calibration)
        rows = samples[activations[3].name].rows.copy()
        rows[::40, ::3] *= 300  # of some tokens, so that neither centre nor size of a channel helps
        samples[activations[3].name] = Sample(rows.min(axis=0), rows.max(axis=0), rows)
        return activations, samples, split

    name = find_activations(lean)[3].name
    monkeypatch.setattr(sensitivity, "prepare", spoiled)
    assert rank(lean, random_probes(20))[0] == name


def test_the_error_is_a_share_of_what_the_products_vary_by(lean):
    activations, samples, _ = prepare(lean, random_probes(20))
    for activation in activations:
        assert 0 < relative_error(activation, qparams_of(activation, samples), samples[activation.name]) < 0.02


def test_what_is_kept_stays_in_float(lean):
    activations = find_activations(lean)
    description = quantize(lean, random_probes(), [activations[0].name, activations[2].name])
    left = {str(activation.name) for activation in find_activations(lean)}
    assert left >= {activations[0].name, activations[2].name}
    found = operators(lean)
    assert found["QuantizeLinear"] == len(activations) - 2 + found["QGemm"]
    assert f"those of 2 left in fp32 ({activations[0].name}, {activations[2].name})" in description


def test_with_all_kept_the_table_alone_is_of_integers(lean):
    table_alone = lean.clone()
    quantize_head(table_alone, prepare_head(table_alone, random_probes()))
    quantize(lean, random_probes(), [activation.name for activation in find_activations(lean)])
    assert not any(node.op_type == "MatMulIntegerToFloat" for node in lean.graph)
    for probe in random_probes(3):
        np.testing.assert_allclose(run(lean, feeds_of(probe)), run(table_alone, feeds_of(probe)), rtol=0, atol=0.02)
