"""The parts of the comparison of int8 schemes that can be wrong without anybody noticing."""

import numpy as np
import pytest

pytest.importorskip("optimum.onnxruntime")

import onnx_ir as ir
import onnxruntime as ort
from onnx import numpy_helper, parser

from benchmarks.models.antiberty import chains
from benchmarks.schemes import tables
from benchmarks.schemes.fixed import grid_of
from benchmarks.schemes.graphs import DYNAMIC, SCHEMES, fit, pairs_fit
from benchmarks.schemes.per_token import per_token
from benchmarks.schemes.times import LENGTHS
from fillmask_export.probes import Probe
from fillmask_export.quantization.sites import Sample

HIDDEN, VOCABULARY = 32, 40
GERMLINES = """
raise RuntimeError("this file is read, never run")
HUMAN_IMGT_IG_V = {'H': {'aligned_sequences': {'IGHV1-1*01': 'QV-QL', 'IGHV1-1*02': 'QV-QM', 'IGHV2-1*01': 'EVK--'}}}
HUMAN_IMGT_IG_J = {'H': {'aligned_sequences': {'IGHJ1*01': '--WGQ'}}}
"""


def test_pairs_fit_up_to_their_limit():
    assert fit(np.int8([[64, -64], [64, -64]]))
    assert fit(np.int8([[127, 127], [1, -127]]))
    assert not fit(np.int8([[65], [64]]))
    assert not fit(np.int8([[-65], [-64]]))


def test_only_neighbours_are_pairs():
    assert fit(np.int8([[1], [127], [127], [1]]))
    assert fit(np.int8([[127], [1], [127]]))


def test_the_grid_from_least_to_largest_holds_both():
    sample = Sample(np.float32([-1, 0]), np.float32([1, 3]), np.zeros((1, 2), np.float32))
    grid = grid_of(sample)
    rounded = grid.round(np.float32([-1, 0, 3]))
    np.testing.assert_allclose(rounded, [-1, 0, 3], atol=grid.scale / 2)
    assert rounded[1] == 0


def test_the_grid_of_what_is_never_negative_starts_at_zero():
    assert grid_of(Sample(np.float32([0.5]), np.float32([2]), np.zeros((1, 1), np.float32))).zero_point == 0


def lean() -> ir.Model:
    """A lean graph of one product: ``mask_positions`` is read by no node but is an input, as in real ones."""
    rng = np.random.default_rng(0)
    text = """<ir_version: 10, opset_import: ["": 18]>
    lean (int64[b,s] input_ids, int64[b,s] attention_mask, int64[b,m] mask_positions) => (float[b,s,v] logits)
    { e = Gather(words, input_ids) p = MatMul(e, weight) logits = Add(p, bias) }"""
    model = parser.parse_model(text)
    arrays = {
        "words": rng.standard_normal((VOCABULARY, HIDDEN)) * np.exp(rng.standard_normal((VOCABULARY, 1)) * 3),
        "weight": rng.standard_normal((HIDDEN, 24)),
        "bias": rng.standard_normal(24),
    }
    initializers = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()]
    model.graph.initializer.extend(initializers)
    return ir.from_proto(model)


def logits(model: ir.Model, ids: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(ir.to_proto(model).SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "mask_positions": ids[:, :1] * 0}
    return session.run(["logits"], {node.name: feeds[node.name] for node in session.get_inputs()})[0]


def probe(ids: np.ndarray) -> Probe:
    return Probe(ids, np.array([0]), ids[:1])


def errors(*, even: bool) -> np.ndarray:
    """How far each row of the products is from the exact one, as a share of the latter."""
    ids = np.arange(VOCABULARY)[None]
    exact, model = logits(lean(), ids), lean()
    per_token(model, [probe(ids[0])], even=even)
    assert integers_fit(model)
    bias = lean().graph.initializers["bias"].const_value.numpy()
    return np.abs(logits(model, ids) - exact)[0].max(axis=-1) / np.abs(exact - bias)[0].max(axis=-1)


def test_a_scale_a_token_serves_small_rows_as_well_as_large_ones():
    assert errors(even=False).max() < 0.05


def test_even_channels_leave_the_products_what_they_are():
    assert np.median(errors(even=True)) < 0.05


def test_a_row_with_a_scale_of_its_own_is_alone_in_any_company():
    model = lean()
    per_token(model, [probe(np.arange(VOCABULARY))], even=False)
    together = logits(model, np.arange(VOCABULARY)[None])[0]
    alone = np.stack([logits(model, np.array([[token]]))[0, 0] for token in range(VOCABULARY)])
    np.testing.assert_allclose(together, alone, rtol=1e-6, atol=1e-6)


def integers_fit(model: ir.Model) -> bool:
    return all(
        fit(value.const_value.numpy()) for value in model.graph.initializers.values() if value.dtype == ir.DataType.INT8
    )


def test_a_table_that_is_only_looked_up_does_not_count_as_weights(tmp_path):
    text = """<ir_version: 10, opset_import: ["": 18]>
    g (int64[s] input_ids) => (int8[s,h] rows) { rows = Gather(words, input_ids) }"""
    model = parser.parse_model(text)
    model.graph.initializer.append(numpy_helper.from_array(np.full((4, 4), 127, np.int8), "words"))
    ir.save(ir.from_proto(model), tmp_path / "model.onnx")
    assert pairs_fit(tmp_path / "model.onnx")


def test_chains_are_made_of_both_genes_and_numbered_by_gene():
    made = chains(GERMLINES, np.random.default_rng(0))
    assert [gene for gene, _ in made] == [0, 0, 1]
    for (_, sequence), start in zip(made, ("QVQL", "QVQM", "EVK"), strict=True):
        assert sequence.startswith(start)
        assert sequence.endswith("WGQ")
        assert len(start) + 3 < len(sequence) <= len(start) + 3 + 8


def test_a_file_without_germlines_is_refused():
    with pytest.raises(ValueError, match="HUMAN_IMGT_IG_V"):
        chains("x = {}", np.random.default_rng(0))


def result(batch_difference: float) -> dict:
    times = {str(tokens): {scheme: [10.0] for scheme in SCHEMES} for tokens in LENGTHS}
    for found in times.values():
        found["shipped"] = [5.0]
    one = {"top_1_agreement": 0.9, "mean_kl": 0.002, "accuracy": 0.3, "batch_difference": batch_difference}
    schemes = {scheme: one | {"bytes": 24_000_000, "pairs_fit": False} for scheme in SCHEMES}
    about = {"masks": 10, "probes": "texts", "trained": False, "checkpoint_accuracy": 0.0}
    return about | {"schemes": schemes, "times_ms": times}


def test_a_row_says_how_a_scheme_compares():
    rows = tables.table("model", result(1e-7)).splitlines()
    (shipped,) = (row for row in rows if SCHEMES["shipped"].title in row)
    assert shipped.endswith("| 0.900 | 0.00200 |  | 0.50 | 0.50 | 24 | 1e-07 | no |")


def test_a_batch_that_moves_scores_is_told_by_how_much():
    assert "| 0.2 | no |" in tables.table("model", result(0.2))


def test_the_first_time_is_that_of_todays_int8():
    rows = tables.table("model", result(0.0)).splitlines()
    (dynamic,) = (row for row in rows if row.startswith(f"| {SCHEMES[DYNAMIC].title} "))
    assert dynamic.count("| 1.00 ") == len(LENGTHS)


def test_the_tables_in_the_docs_are_those_of_the_results():
    page = tables._PAGE.read_text(encoding="utf-8")
    assert tables.with_tables(page) == page
