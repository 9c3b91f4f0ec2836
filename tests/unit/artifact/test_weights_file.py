"""Files of weights that change while a model is loaded or used: refused or survived, never a crash or other results."""

import hashlib
import os
import shutil

import pytest

from fillmask import FillMask, IntegrityError
from fillmask.artifact import folder as folder_module
from fillmask.artifact.folder import open_artifact
from fillmask.artifact.weights_file import WeightsFile
from fillmask.runtime import opening
from tests.support import toys

TEXT = "the [MASK] sat on the mat."
WEIGHTS = {"native": "model_fp32.onnx_data", "foreign": "model.onnx_data"}

SHORTENED = """
import os, sys
from fillmask import FillMask, IntegrityError
fill_mask = FillMask(sys.argv[1], variant="fp32", threads=1)
fill_mask.predict(sys.argv[3])
os.truncate(sys.argv[2], 0)
try:
    fill_mask.predict(sys.argv[3])
except IntegrityError as error:
    print(error)
"""


@pytest.fixture(params=WEIGHTS)
def folder(request, tmp_path):
    """A folder whose fp32 weights ONNX Runtime maps, with a manifest and without one."""
    if request.param == "native":
        return toys.write_weighty(tmp_path / "native")
    folder = toys.write_foreign(tmp_path / "foreign")
    toys.move_weights_out(folder / "model.onnx", "model.onnx_data")
    return folder


def weights_of(folder):
    return folder / WEIGHTS[folder.name]


def load(folder):
    return FillMask(folder, variant="fp32", threads=1)


def zeros(path):
    return bytes(path.stat().st_size)


def overwrite(path):
    path.write_bytes(zeros(path))


def replace(path):
    (path.parent / "new").write_bytes(zeros(path))
    os.replace(path.parent / "new", path)


def replace_and_put_back(path):
    path.rename(path.parent / "away")
    path.write_bytes(zeros(path))
    os.replace(path.parent / "away", path)


def rewrite_with_the_same_times(path):
    before = path.stat()
    path.write_bytes(zeros(path))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", [overwrite, replace, replace_and_put_back, rewrite_with_the_same_times, os.remove])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_weights_that_change_while_they_load_are_refused(folder, monkeypatch, change, moment):
    start = opening.ort.InferenceSession

    def changing(*arguments, **kwargs):
        if moment == "after":
            session = start(*arguments, **kwargs)
        change(weights_of(folder))
        return session if moment == "after" else start(*arguments, **kwargs)

    monkeypatch.setattr(opening.ort, "InferenceSession", changing)
    # Where they are gone before ONNX Runtime maps them it is the one that fails; a change may come before the hash.
    refused = r"was replaced or changed while the model was loaded|cannot load the graph|is not the file that"
    with pytest.raises(ValueError, match=refused):
        load(folder)


def test_weights_that_are_written_to_under_a_model_are_refused_at_the_next_call(folder):
    fill_mask = load(folder)
    expected = fill_mask.predict(TEXT)
    overwrite(weights_of(folder))
    message = r"_data was written to while a model had it mapped into memory; load the model again, and rename"
    with pytest.raises(IntegrityError, match=message):
        fill_mask.predict(TEXT)
    assert expected


@pytest.mark.parametrize("change", [replace, os.remove, shutil.rmtree])
def test_new_files_renamed_over_the_weights_and_their_removal_change_nothing(folder, change):
    fill_mask = load(folder)
    expected = fill_mask.predict(TEXT)
    change(folder if change is shutil.rmtree else weights_of(folder))
    assert fill_mask.predict(TEXT) == expected


def test_weights_that_become_shorter_do_not_end_the_process(folder, python):
    assert "was written to while a model had it mapped" in python(SHORTENED, folder, weights_of(folder), TEXT)


def test_weights_behind_a_link_are_not_mapped_and_survive_even_a_run(tmp_path, python):
    folder = toys.write_weighty(tmp_path / "native")
    blob = (folder / WEIGHTS["native"]).rename(tmp_path / "blob")
    (folder / WEIGHTS["native"]).symlink_to(blob)
    assert python(SHORTENED + "else: print('predicted')", folder, blob, TEXT) == "predicted\n"


def test_weights_that_become_shorter_while_they_are_hashed_are_refused(tmp_path, monkeypatch):
    folder = toys.write_weighty(tmp_path / "native")
    artifact = open_artifact(folder)

    def shorten_and_hash(*content):
        os.truncate(weights_of(folder), 0)
        return hashlib.new("sha256", *content)

    monkeypatch.setattr(folder_module.hashlib, "sha256", shorten_and_hash)
    with pytest.raises(IntegrityError, match=r"got e3b0c44298\w+ \(0 bytes\); copy it again"):
        artifact.check(WEIGHTS["native"])


def test_weights_that_change_during_a_run_give_no_result(folder):
    fill_mask = load(folder)
    session = fill_mask.model.session
    run = session.ort.run

    class Changing:
        def run(self, *arguments):
            os.utime(weights_of(folder))
            return run(*arguments)

    session.ort = Changing()
    with pytest.raises(IntegrityError, match="was written to while a model had it mapped"):
        fill_mask.predict(TEXT)


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(IntegrityError, match=r"w cannot be read: No such file"):
        WeightsFile(tmp_path / "w")


def test_a_model_runs_until_the_process_ends(folder, python):
    """Functions that were registered before fillmask was imported run last."""
    script = """
import atexit, sys
atexit.register(lambda: print(fill_mask.predict(sys.argv[2])[0][0].token))
from fillmask import FillMask
fill_mask = FillMask(sys.argv[1], threads=1)
print(fill_mask.predict(sys.argv[2])[0][0].token)
"""
    first, last = python(script, folder, TEXT).split()
    assert first == last


def test_a_file_whose_state_cannot_be_read_is_an_error_of_the_model(folder, monkeypatch):
    """Such as a stale handle of a network's file system."""
    fill_mask = load(folder)
    monkeypatch.setattr(fill_mask.model.session._mapped[0], "_descriptor", -1)
    with pytest.raises(IntegrityError, match="cannot be read any more: Bad file descriptor; load the model again"):
        fill_mask.predict(TEXT)
