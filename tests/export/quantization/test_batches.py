"""Batch invariance: a text's scores do not depend on the texts beside it, on padding, or on how many masks."""

import numpy as np
import onnx_ir as ir
import pytest
import torch

from fillmask.padding import pad
from fillmask.runtime.session import Session
from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.passes import make_lean
from fillmask_export.probes import make_probes
from fillmask_export.quantization import quantize
from fillmask_export.tracing import trace
from tests.support.training import CORPUS

# Measured: 0 on the four families, 7e-7 on MiniLM. An activation that crosses the edge between two integers would move
# a score by far more than this.
ALLOWED = 1e-4


@pytest.fixture(scope="module")
def probes_and_session(checkpoint_of, family, tmp_path_factory):
    torch.set_num_threads(1)
    checkpoint = open_checkpoint(checkpoint_of(family))
    model = trace(checkpoint, tmp_path_factory.mktemp(family))
    make_lean(model)
    quantize(model, make_probes(checkpoint.tokenizer, None, 0, 64).probes)
    probes = make_probes(checkpoint.tokenizer, CORPUS, 0, 64).probes
    return probes, Session(ir.to_proto(model).SerializeToString(), threads=1)


def scores(session, probes, width=0, filler=0):
    """Scores of each probe's masks; other positions in the batch are computed too, as padding of positions."""
    masks = max(width, *(probe.positions.size for probe in probes))
    positions = np.full((len(probes), masks), filler, dtype=np.int64)
    for row, probe in zip(positions, probes, strict=True):
        row[: probe.positions.size] = probe.positions
    logits = session.run(*pad([probe.input_ids for probe in probes], filler), positions)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares = powers / powers.sum(axis=-1, keepdims=True)
    return [share[: probe.positions.size] for share, probe in zip(shares, probes, strict=True)]


def largest_difference(first, second):
    return max(float(np.abs(one - other).max()) for one, other in zip(first, second, strict=True))


def alone(session, probes):
    return [scores(session, [probe])[0] for probe in probes]


@pytest.mark.parametrize("batch", range(2, 17))
def test_scores_are_those_of_a_text_alone(probes_and_session, batch, record_property):
    probes, session = probes_and_session
    chosen = [probes[each] for each in np.random.default_rng(batch).choice(len(probes), batch, replace=False)]
    found = largest_difference(scores(session, chosen), alone(session, chosen))
    record_property("largest_difference", found)
    assert found <= ALLOWED


def test_scores_stay_beside_the_longest_text(probes_and_session):
    probes, session = probes_and_session
    ranked = sorted(probes, key=lambda probe: probe.input_ids.size)
    for short in ranked[:10]:
        found = scores(session, [short, ranked[-1]])[0]
        assert np.abs(found - alone(session, [short])[0]).max() <= ALLOWED


def test_scores_stay_where_more_positions_are_computed(probes_and_session):
    probes, session = probes_and_session
    for width in (3, 9, 33):
        found = [scores(session, [probe], width, 1)[0] for probe in probes[:20]]
        assert largest_difference(found, alone(session, probes[:20])) <= ALLOWED


def test_scores_stay_whatever_the_padding_holds(probes_and_session):
    probes, session = probes_and_session
    chosen = sorted(probes[:12], key=lambda probe: probe.input_ids.size)
    assert largest_difference(scores(session, chosen, filler=2), alone(session, chosen)) <= ALLOWED


def test_scores_stay_wherever_in_a_batch_a_text_is(probes_and_session):
    probes, session = probes_and_session
    (expected,) = alone(session, probes[:1])
    for place in range(8):
        batch = [*probes[1 : place + 1], probes[0], *probes[place + 1 : 9]]
        assert np.abs(scores(session, batch)[place] - expected).max() <= ALLOWED
