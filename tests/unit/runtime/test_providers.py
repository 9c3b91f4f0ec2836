import sys

import onnxruntime as ort
import pytest

from fillmask.errors import ProviderError
from fillmask.runtime.providers import _preload, check_started, is_gpu, parse_provider, preload, wants_gpu

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@pytest.mark.parametrize(
    ("text", "provider"),
    [
        (CPU, CPU),
        (f"{CUDA}:device_id=1", (CUDA, {"device_id": "1"})),
        (f"{CUDA}:device_id=0,use_tf32=0", (CUDA, {"device_id": "0", "use_tf32": "0"})),
        ("OpenVINOExecutionProvider:cache_dir=a=b", ("OpenVINOExecutionProvider", {"cache_dir": "a=b"})),
        ("X:empty=", ("X", {"empty": ""})),
    ],
)
def test_a_provider_is_read_with_its_options(text, provider):
    assert parse_provider(text) == provider


@pytest.mark.parametrize("text", ["CUDA:", "CUDA:1", "CUDA:=1", "CUDA:device_id=1,", "CUDA:device_id=1,x"])
def test_options_that_are_none_are_refused(text):
    with pytest.raises(ProviderError, match="NAME or NAME:option=value,option=value, got ") as raised:
        parse_provider(text)
    assert str(raised.value).endswith(repr(text))


def test_a_gpu_is_told_from_the_rest():
    assert is_gpu(CUDA)
    assert is_gpu(("TensorrtExecutionProvider", {"device_id": 1}))
    assert not is_gpu(CPU)
    assert not is_gpu(("CoreMLExecutionProvider", {}))


def test_a_gpu_is_wanted_by_name_or_because_cuda_is_there(monkeypatch):
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["TensorrtExecutionProvider", CUDA, CPU])
    assert wants_gpu(None)
    assert not wants_gpu([CPU, CUDA])
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["TensorrtExecutionProvider", CPU])
    assert not wants_gpu(None)  # TensorRT takes minutes to start, and is for those who ask for it
    assert wants_gpu(["TensorrtExecutionProvider"])


@pytest.fixture
def anew():
    _preload.cache_clear()
    yield
    _preload.cache_clear()


@pytest.mark.usefixtures("anew")
def test_libraries_are_loaded_once_and_for_nvidia_alone(monkeypatch, capsys):
    loaded = []
    said = "Failed to load\n  libcublas.so"
    monkeypatch.setattr(ort, "preload_dlls", lambda: loaded.append(sys.stdout.write(said)), raising=False)
    assert preload([CPU]) == preload([("OpenVINOExecutionProvider", {})]) == ""
    assert preload([CPU, (CUDA, {})]) == preload([CUDA]) == "Failed to load libcublas.so"
    assert len(loaded) == 1
    assert capsys.readouterr().out == ""
    monkeypatch.delattr(ort, "preload_dlls")
    assert preload([CUDA]) == ""


def test_a_session_with_all_that_was_asked_for_is_taken():
    check_started([CUDA, (CPU, {})], [CUDA, CPU])
    check_started([CUDA], [CUDA, CPU])  # ONNX Runtime always adds the CPU


def test_a_provider_without_a_package_of_its_own_is_missing_without_advice():
    with pytest.raises(ProviderError, match=r"did not start, ONNX Runtime took CPU; it needs.*its libraries$"):
        check_started(["CoreMLExecutionProvider"], ["CPU"])
