"""Exports that are refused or fail half-way: what they say, and that nothing of them is left."""

import errno
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from fillmask_export import (
    CheckpointError,
    ExportError,
    FidelityError,
    Plan,
    build_variant,
    export,
    exporting,
    variants,
)

FEW = Plan(masks=60, rounds=0)
FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def empty(tmp_path):
    """A folder in which only an export writes; what is left in it can be seen."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def left_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        (("fp32", "q4"), r"variants must be a list of some of fp32, int8, fp16, int4, got \('fp32', 'q4'\)"),
        ((), r"variants must be a list of some of fp32, int8, fp16, int4, got \(\)"),
        ("int8", "variants must be a list of some of fp32, int8, fp16, int4, got 'int8'"),
    ],
)
def test_variants_that_are_not_made_are_refused_before_anything_is_loaded(empty, variants, message):
    with pytest.raises(ExportError, match=message):
        export("missing", empty / "out", variants)
    assert not left_in(empty)


@pytest.mark.parametrize("what", ["folder", "full folder", "file"])
def test_nothing_is_written_over_what_exists(empty, checkpoint_of, what):
    out = empty / "out"
    out.mkdir() if "folder" in what else out.write_text("mine")
    if what == "full folder":
        (out / "mine").write_text("mine")
    before = left_in(empty)
    with pytest.raises(ExportError, match=f"{out} exists; name a folder that does not"):
        export(checkpoint_of("wordpiece"), out, ("fp32",), plan=FEW)
    assert left_in(empty) == before


@pytest.mark.parametrize(
    ("variant", "limits", "reason"),
    [
        ("int8", {"max_kl": 1e-12}, r"the mean KL divergence is \S+, allowed is 1e-12"),
        ("int8", {"max_kl": 9.0, "max_accuracy_loss": -2.0}, r"masked-token accuracy falls by \S+, allowed is -2"),
        ("fp32", {"max_score_difference": 1e-12}, r"a score differs by \S+, allowed is 1e-12"),
    ],
)
def test_a_variant_too_far_from_its_checkpoint_is_not_written(empty, checkpoint_of, variant, limits, reason):
    with pytest.raises(FidelityError, match=f"variant {variant} is too far from its checkpoint: {reason}"):
        export(checkpoint_of("wordpiece"), empty / "out", (variant,), plan=Plan(masks=60, rounds=0, **limits))
    assert not left_in(empty)


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("trace", FULL),
        ("write_tokenizer", FULL),
        ("write_tokenizer", FidelityError("another tokenizer")),
        ("make_lean", RuntimeError("a pass fails")),
        ("write_graph", FULL),
        ("accept", KeyboardInterrupt("stopped")),
        ("predict_texts", RuntimeError("no predictions")),
        ("write_manifest", FULL),
        ("add_profile", ExportError("no memory")),
        ("save_manifest", FULL),
        ("write_card", FULL),
    ],
)
def test_nothing_is_left_behind_when_a_step_fails(empty, checkpoint_of, monkeypatch, step, error):
    def failing(*_, **__):
        raise error

    monkeypatch.setattr(build_variant if hasattr(build_variant, step) else exporting, step, failing)
    with pytest.raises(type(error), match=re.escape(str(error))):
        export(checkpoint_of("wordpiece"), empty / "out", ("fp32",), plan=Plan(masks=60, rounds=1))
    assert not left_in(empty)


def test_a_full_disk_while_the_graph_is_written_leaves_nothing(empty, checkpoint_of, monkeypatch):
    def half(model, path, *, external_data):
        Path(path).parent.joinpath(external_data).write_bytes(b"half the weights")
        Path(path).write_bytes(b"half a graph")
        raise FULL

    monkeypatch.setattr(variants, "ir", SimpleNamespace(save=half))
    with pytest.raises(OSError, match="No space left on device"):
        export(checkpoint_of("wordpiece"), empty / "out", ("fp32",), plan=FEW)
    assert not left_in(empty)


def test_folders_made_for_an_export_that_fails_are_removed_again(empty, checkpoint_of, monkeypatch):
    monkeypatch.setattr(exporting, "trace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(checkpoint_of("wordpiece"), empty / "new" / "deep" / "out", ("fp32",), plan=FEW)
    assert not left_in(empty)


def test_a_refused_checkpoint_leaves_nothing(empty, checkpoint_copy):
    (checkpoint_copy / "model.safetensors").unlink()
    with pytest.raises(CheckpointError):
        export(checkpoint_copy, empty / "new" / "out", plan=FEW)
    assert not left_in(empty)
