import sys
from types import MappingProxyType

import onnxruntime as ort
import pytest

from fillmask import FillMask
from fillmask.errors import ProviderError
from fillmask.runtime.providers import (
    _preload,
    check_providers,
    check_started,
    is_gpu,
    parse_provider,
    preload,
    wants_gpu,
)

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


def test_a_gpu_is_known_by_its_name():
    assert is_gpu(CUDA)
    assert is_gpu(("TensorrtExecutionProvider", {"device_id": 1}))
    assert not is_gpu(CPU)
    assert not is_gpu(("CoreMLExecutionProvider", {}))


def test_a_gpu_is_wanted_by_name_or_because_cuda_is_there(monkeypatch):
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["TensorrtExecutionProvider", CUDA, CPU])
    assert wants_gpu(None)
    assert not wants_gpu([CPU, CUDA])
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["TensorrtExecutionProvider", CPU])
    assert not wants_gpu(None)  # TensorRT takes minutes to start, and is for those who choose it
    assert wants_gpu(["TensorrtExecutionProvider"])


@pytest.fixture
def anew():
    _preload.cache_clear()
    yield
    _preload.cache_clear()


@pytest.mark.usefixtures("anew")
def test_libraries_are_loaded_once_and_for_nvidia_alone(monkeypatch, capsys):
    loaded = []
    message = "Failed to load\n  libcublas.so"
    monkeypatch.setattr(ort, "preload_dlls", lambda: loaded.append(sys.stdout.write(message)))
    assert preload([CPU]) == preload([("OpenVINOExecutionProvider", {})]) == ""
    assert preload([CPU, (CUDA, {})]) == preload([CUDA]) == "Failed to load libcublas.so"
    assert len(loaded) == 1
    assert capsys.readouterr().out == ""


def test_a_session_with_all_that_was_wanted_is_taken():
    check_started([CUDA, (CPU, {})], [CUDA, CPU])
    check_started([CUDA], [CUDA, CPU])  # ONNX Runtime always adds the CPU


def test_a_provider_without_a_package_of_its_own_is_missing_without_advice():
    with pytest.raises(ProviderError, match=r"did not start, ONNX Runtime took CPU; it needs.*its libraries$"):
        check_started(["CoreMLExecutionProvider"], ["CPU"])


# Providers of a call


@pytest.mark.parametrize("providers", [[], (), "", "CPUExecutionProvider", 3, {"CPUExecutionProvider"}])
def test_providers_that_are_no_list_of_names_are_refused(native_folder, providers):
    with pytest.raises(ProviderError, match=r"providers must be a list of names such as \[.*\], got ") as raised:
        FillMask(native_folder, providers=providers)
    assert str(raised.value).endswith(repr(providers))


@pytest.mark.parametrize("name", ["NoSuchProvider", "cpu", "", "CPU"])
def test_a_provider_that_is_not_there_is_refused_with_those_that_are(native_folder, name):
    with pytest.raises(ProviderError) as raised:
        FillMask(native_folder, providers=["CPUExecutionProvider", name])
    assert repr(name) in str(raised.value)
    assert "CPUExecutionProvider" in str(raised.value).partition(repr(name))[2]


@pytest.mark.parametrize("options", [{}, {"device_id": "0"}])
def test_a_missing_provider_with_options_is_named_without_them(native_folder, options):
    with pytest.raises(ProviderError, match=r"'NoSuchProvider' is not in this ONNX Runtime, which has .*CPUExecution"):
        FillMask(native_folder, providers=[("NoSuchProvider", options)])


NO_PROVIDERS = [None, 3, ["x"], [CPU, {}], (), (CPU,), (CPU, 1), (CPU, [("a", "b")]), (CPU, {}, {}), (3, {})]


@pytest.mark.parametrize("provider", NO_PROVIDERS, ids=repr)
def test_a_provider_that_is_neither_a_name_nor_a_pair_is_refused(native_folder, provider):
    with pytest.raises(ProviderError, match="must be a name or a pair of a name and its options, got ") as raised:
        FillMask(native_folder, providers=["CPUExecutionProvider", provider])
    assert str(raised.value).endswith(repr(provider))


def test_a_provider_that_needs_another_package_is_named_with_it(native_folder, monkeypatch):
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ProviderError, match=r'; pip install "onnxruntime-gpu\[cuda,cudnn\]" in place of onnxruntime$'):
        FillMask(native_folder, providers=["CUDAExecutionProvider"])


@pytest.mark.parametrize("providers", [[CPU, CPU], [CPU, (CPU, {})], [(CPU, {}), (CPU, {})]])
def test_a_provider_that_is_named_twice_is_refused(native_folder, providers):
    with pytest.raises(ProviderError, match="'CPUExecutionProvider' is named twice in ") as raised:
        FillMask(native_folder, providers=providers)
    assert repr(providers) in str(raised.value)


@pytest.mark.parametrize("options", [{"use_arena": "0"}, {"foo": 1, "bar": 2}])
def test_options_that_onnx_runtime_would_ignore_are_refused(options):
    with pytest.raises(ProviderError, match=f"^{CPU} takes no options, got {', '.join(options)}; "):
        check_providers([(CPU, options)])
    assert check_providers([(CPU, {})]) == [(CPU, {})]


@pytest.mark.usefixtures("with_options")
def test_options_of_any_mapping_become_a_dict_of_their_own():
    options = {"use_arena": "0"}
    (checked,) = check_providers([(CPU, MappingProxyType(options))])
    options["use_arena"] = "1"
    assert checked == (CPU, {"use_arena": "0"})
    assert type(checked[1]) is dict
    assert check_providers((CPU,)) == [CPU]


@pytest.mark.parametrize("short", ["cuda", "CUDA"])
def test_a_short_name_is_the_providers(short):
    assert parse_provider(short) == CUDA
    assert parse_provider(f"{short}:device_id=1") == (CUDA, {"device_id": "1"})


def test_a_name_that_is_nearly_a_providers_is_told_so():
    with pytest.raises(ProviderError, match=r"; did you mean 'CPUExecutionProvider'\?$"):
        check_providers(["CPUExecutionProvder"])
