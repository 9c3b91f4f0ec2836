"""What suffers most from integers is ranked first."""

import numpy as np
import pytest

from fillmask_export.passes import make_lean
from fillmask_export.quantization import quantize
from fillmask_export.quantization.preparing import grid_of, prepare
from fillmask_export.quantization.sensitivity import rank, relative_error
from fillmask_export.quantization.sites import Sample, find_sites
from fillmask_export.quantization.table import quantize_table
from tests.export.test_int8_sites import probes


@pytest.fixture
def lean(plain):
    make_lean(plain)
    return plain


def test_every_activation_is_ranked_once_and_the_graph_stays(lean):
    nodes = [node.op_type for node in lean.graph]
    assert sorted(rank(lean, probes())) == sorted(site.name for site in find_sites(lean))
    assert [node.op_type for node in lean.graph] == nodes


def test_an_activation_with_rare_large_values_is_ranked_first(lean, monkeypatch):
    from fillmask_export.quantization import sensitivity

    def spoiled(model, calibration):
        sites, samples, split = prepare(model, calibration)
        rows = samples[sites[3].name].rows.copy()
        rows[::40, ::3] *= 300  # of some tokens, so that neither centre nor size of a channel helps
        samples[sites[3].name] = Sample(rows.min(axis=0), rows.max(axis=0), rows)
        return sites, samples, split

    name = find_sites(lean)[3].name
    monkeypatch.setattr(sensitivity, "prepare", spoiled)
    assert rank(lean, probes(20))[0] == name


def test_the_error_is_a_share_of_what_the_products_vary_by(lean):
    sites, samples, _ = prepare(lean, probes(20))
    for site in sites:
        assert 0 < relative_error(site, grid_of(site, samples), samples[site.name]) < 0.02


def test_what_is_kept_stays_in_float(lean):
    sites = find_sites(lean)
    said = quantize(lean, probes(), [sites[0].name, sites[2].name])
    left = {str(site.name) for site in find_sites(lean)}
    assert left >= {sites[0].name, sites[2].name}
    assert sum(node.op_type == "QuantizeLinear" for node in lean.graph) == len(sites) - 2
    assert f"those of 2 left in fp32 ({sites[0].name}, {sites[2].name})" in said


def test_with_all_kept_the_table_alone_is_of_integers(lean):
    from tests.export.test_int8_sites import feeds_of
    from tests.support.graphs import run

    table_alone = lean.clone()
    quantize_table(table_alone)
    quantize(lean, probes(), [site.name for site in find_sites(lean)])
    assert not any(node.op_type == "MatMulIntegerToFloat" for node in lean.graph)
    for probe in probes(3):
        np.testing.assert_allclose(run(lean, feeds_of(probe)), run(table_alone, feeds_of(probe)), rtol=0, atol=0.02)
