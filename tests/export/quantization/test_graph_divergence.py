"""Graphs that were changed beside the graph that they were made of."""

import numpy as np
import pytest

from fillmask_export.quantization.graph_divergence import mean_divergences
from tests.support.graphs import PLAIN, parse, random_probes, run, texts, weights


def test_each_divergence_is_the_mean_over_all_positions_of_all_texts():
    text = PLAIN + "{ logits = Gather(table, input_ids) }"
    tables = [weights(50, 7, seed=seed) for seed in range(3)]
    exact, *changed = (parse(text, table=table) for table in tables)
    probes = random_probes(5, 50)
    rows = [np.concatenate([table[probe.input_ids] for probe in probes]).astype(np.float64) for table in tables]
    log_p, *others = (row - np.log(np.exp(row).sum(axis=1, keepdims=True)) for row in rows)
    expected = [(np.exp(log_p) * (log_p - log_q)).sum(axis=1).mean() for log_q in others]
    assert mean_divergences(exact, changed, probes) == pytest.approx(expected, rel=1e-6)
    assert mean_divergences(exact, [exact], probes) == pytest.approx([0.0])


def test_the_graphs_stay_as_they_are():
    model = parse(PLAIN + "{ logits = Gather(table, input_ids) }", table=weights(50, 7))
    before = run(model, texts(2, 3, 50))
    mean_divergences(model, [model.clone()], random_probes(2, 50))
    np.testing.assert_array_equal(run(model, texts(2, 3, 50)), before)
