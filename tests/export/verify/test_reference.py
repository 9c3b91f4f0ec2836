"""The checkpoint runs once, in batches of equal length, and gives what it gives for each text alone."""

from collections import Counter

import numpy as np
import pytest

from fillmask_export import Plan
from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.verify import reference
from fillmask_export.verify.eval_data import load_eval_data
from fillmask_export.verify.forward import checkpoint_forward
from fillmask_export.verify.reference import expect, run_checkpoint


@pytest.fixture(scope="module")
def bert(checkpoint_of):
    return open_checkpoint(checkpoint_of("wordpiece"))


@pytest.fixture(scope="module")
def eval_data(bert):
    return load_eval_data(bert.tokenizer, Plan(masks=200), 64)


def test_each_text_has_the_logits_that_it_has_alone(bert, eval_data, tmp_path):
    found, forward = run_checkpoint(bert, eval_data, tmp_path), checkpoint_forward(bert)
    assert [expected.probes for expected in found] == [eval_data.held_out.probes, eval_data.long, found.unmasked.probes]
    for expected in found:
        assert expected.probes
        for probe, logits in zip(expected.probes, expected.logits, strict=True):
            np.testing.assert_allclose(logits, forward(probe), rtol=0, atol=1e-5)


@pytest.mark.parametrize("tokenwise", [True, False])
def test_the_head_runs_at_the_masks_only_where_it_may(bert, eval_data, tmp_path, monkeypatch, tokenwise):
    rows = []
    hook = bert.model.cls.register_forward_hook(lambda _module, _inputs, logits: rows.append(logits.shape[:-1].numel()))
    monkeypatch.setattr(reference, "is_tokenwise", lambda *_: tokenwise)
    found, probes = expect(bert, eval_data.held_out.probes, tmp_path / "logits"), eval_data.held_out.probes
    hook.remove()
    assert sum(rows) == sum(probe.labels.size if tokenwise else probe.input_ids.size for probe in probes)
    forward = checkpoint_forward(bert)
    for probe, logits in zip(probes, found.logits, strict=True):
        np.testing.assert_allclose(logits, forward(probe), rtol=0, atol=1e-5)


def test_the_unmasked_texts_hold_their_labels(bert, eval_data, tmp_path):
    for probe in run_checkpoint(bert, eval_data, tmp_path).unmasked.probes:
        np.testing.assert_array_equal(probe.input_ids[probe.positions], probe.labels)


def test_rows_of_a_run_have_one_length_and_few_tokens(bert, eval_data, tmp_path, monkeypatch):
    shapes = []
    forward = bert.model.forward

    def recording(*, input_ids, attention_mask):
        assert attention_mask.all()
        shapes.append(tuple(input_ids.shape))
        return forward(input_ids=input_ids, attention_mask=attention_mask)

    monkeypatch.setattr(bert.model, "forward", recording)
    monkeypatch.setattr(reference, "_TOKENS", 120)
    monkeypatch.setattr(reference, "is_tokenwise", lambda *_: True)
    probes = eval_data.held_out.probes
    expect(bert, probes, tmp_path / "logits")
    counts = Counter()
    for rows, length in shapes:
        assert rows == 1 or rows * length <= 120
        counts[length] += rows
    assert counts == Counter(probe.input_ids.size for probe in probes)
    assert max(rows for rows, _ in shapes) > 1


def test_logits_are_read_from_the_file_and_not_kept_in_memory(bert, eval_data, tmp_path):
    expected = expect(bert, eval_data.long, tmp_path / "logits")
    assert (tmp_path / "logits").stat().st_size == sum(logits.nbytes for logits in expected.logits)
    assert not any(logits.flags.writeable for logits in expected.logits)
