"""Logits that are kept are those of a run, and each is made once."""

import numpy as np

from fillmask_export.probes import Probe
from fillmask_export.verify.forward import remembering


def probe(ids, *positions):
    return Probe(np.array(ids), np.array(positions), np.array(positions))


def test_logits_of_some_probes_are_made_once_and_the_others_each_time():
    kept, other, elsewhere, runs = probe([1, 2, 3], 1), probe([1, 2], 1), probe([1, 2, 3], 2), []

    def forward(each):
        runs.append(each)
        return np.float32([[each.input_ids.sum(), *each.positions]])

    remembered = remembering(forward, [kept])
    for _ in range(2):
        for each in (kept, other, elsewhere, probe([1, 2, 3], 1)):
            np.testing.assert_array_equal(remembered(each), [[each.input_ids.sum(), *each.positions]])
    assert runs == [kept, other, elsewhere, other, elsewhere]
