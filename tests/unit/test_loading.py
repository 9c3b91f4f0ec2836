"""A model is loaded completely or not at all."""

import threading

import pytest

from fillmask import ArtifactError, InputError, IntegrityError, ProviderError, loading
from fillmask.artifact.folder import Artifact
from fillmask.loading import load_model
from tests.support import toys
from tests.support.toys import MAX_LENGTH, VOCAB_SIZE

CLS, SEP, MASK = 2, 3, 4
CPU = "CPUExecutionProvider"


@pytest.fixture
def model(fill_mask):
    return fill_mask.model


def ids(text):
    return [row.input_ids.tolist() for row in text.rows]


def test_a_model_is_its_folder_variant_tokenizer_and_session(native_folder):
    model = load_model(native_folder, variant="fp32", threads=1)
    assert (model.artifact.folder, model.variant) == (native_folder, "fp32")
    assert (model.tokenizer.mask_token, model.tokenizer.mask_token_id) == ("[MASK]", MASK)
    assert (model.session.providers, model.session.threads) == ([CPU], 1)
    assert (model.max_length, model.vocab_size) == (MAX_LENGTH, VOCAB_SIZE)
    assert model.notices == ()


def test_a_foreign_folder_is_loaded_too(foreign_folder):
    model = load_model(foreign_folder, threads=1)
    assert (model.variant, model.session.at_masks) == ("fp32", False)
    assert (model.max_length, model.vocab_size) == (MAX_LENGTH, VOCAB_SIZE)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "config.json", "model_fp32.onnx"])
def test_a_model_with_a_broken_file_is_not_loaded_at_all(native_copy, name):
    (native_copy / name).write_bytes(b"broken")
    with pytest.raises(IntegrityError, match=name):
        load_model(native_copy, variant="fp32", threads=1)


def test_weights_that_cannot_be_read_are_an_error_of_the_caller_and_end_their_thread(native_copy, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Artifact, "check_weights", interrupted)
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        load_model(native_copy, variant="fp32", threads=1)
    assert threading.active_count() == before


def test_no_model_is_made_before_its_weights_are_hashed(native_folder, monkeypatch):
    """They are hashed while the tokenizer is parsed and the session starts."""
    started, hashed, open_session = threading.Event(), [], loading.start

    def start(*args):
        found = open_session(*args)
        started.set()
        return found

    def check(*_):
        assert started.wait(60)
        hashed.append(threading.current_thread())

    monkeypatch.setattr(loading, "start", start)
    monkeypatch.setattr(Artifact, "check_weights", check)
    load_model(native_folder, variant="fp32", threads=1)
    assert [thread is threading.main_thread() for thread in hashed] == [False]


def test_a_mask_that_the_model_does_not_score_is_refused(tmp_path):
    graph = toys.foreign_graph(toys.tables()[:, :, :MASK])
    folder = toys.write_foreign(tmp_path / "model", {"model.onnx": graph})
    with pytest.raises(ArtifactError, match=r"\[MASK\] is token 4, the model has 4"):
        load_model(folder, threads=1)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"variant": "q4"}, ArtifactError),
        ({"variant": 3}, ArtifactError),
        ({"revision": "main"}, ArtifactError),
        ({"providers": ["NoSuchProvider"]}, ProviderError),
        ({"providers": []}, ProviderError),
        ({"threads": 0}, InputError),
    ],
    ids=str,
)
def test_a_wrong_argument_is_an_error_and_no_model(native_folder, arguments, error):
    with pytest.raises(error):
        load_model(native_folder, **arguments)


def test_a_model_loads_where_no_thread_can_start(native_folder, monkeypatch):
    """A limit of processes, as containers have."""

    def refused(_):
        raise RuntimeError("can't start new thread")

    checked, check = [], Artifact.check_weights
    monkeypatch.setattr(Artifact, "check_weights", lambda *given: checked.append(given) or check(*given))
    monkeypatch.setattr(threading.Thread, "start", refused)
    assert load_model(native_folder, variant="fp32", threads=1).variant == "fp32"
    assert len(checked) == 1
