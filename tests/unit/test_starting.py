from types import MappingProxyType

import onnxruntime as ort
import pytest

from fillmask import FillMask
from fillmask.errors import InputError, ProviderError


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_are_what_was_asked_for(native_folder, threads):
    assert FillMask(native_folder, threads=threads).threads == threads


def test_threads_are_otherwise_what_the_process_may_use(native_folder, monkeypatch):
    monkeypatch.setattr("fillmask.session.available_threads", lambda: 2)
    assert FillMask(native_folder).threads == 2


@pytest.mark.parametrize("threads", [0, -1, True, False, "2", 1.0, [1], 1025, 2**40])
def test_threads_that_are_no_number_of_threads_are_refused(native_folder, threads):
    with pytest.raises(InputError) as raised:
        FillMask(native_folder, threads=threads)
    assert f"threads must be a whole number from 1 to 1024, or None, got {threads!r}" in str(raised.value)


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


CPU = "CPUExecutionProvider"
NO_PROVIDERS = [None, 3, ["x"], [CPU, {}], (), (CPU,), (CPU, 1), (CPU, [("a", "b")]), (CPU, {}, {}), (3, {})]


@pytest.mark.parametrize("provider", NO_PROVIDERS, ids=repr)
def test_a_provider_that_is_neither_a_name_nor_a_pair_is_refused(native_folder, provider):
    with pytest.raises(ProviderError, match="must be a name or a pair of a name and its options, got ") as raised:
        FillMask(native_folder, providers=["CPUExecutionProvider", provider])
    assert str(raised.value).endswith(repr(provider))


@pytest.fixture
def started(monkeypatch):
    """What ONNX Runtime is asked for: providers and options of each session, which then starts on the CPU."""
    real, asked = ort.InferenceSession, []

    def start(graph, options, providers, **kwargs):
        asked.append((providers, options))
        return real(graph, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(ort, "InferenceSession", start)
    return asked


def test_the_options_of_a_provider_reach_onnx_runtime(native_folder, started):
    pair = ("CPUExecutionProvider", {"use_arena": "0"})
    assert FillMask(native_folder, providers=[pair], threads=1).providers == ["CPUExecutionProvider"]
    assert [providers for providers, _ in started] == [[pair]]


@pytest.mark.parametrize("threads", [1, 7, 1024])
def test_threads_reach_onnx_runtime(native_folder, started, threads):
    assert FillMask(native_folder, threads=threads).threads == threads
    ((_, options),) = started
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (threads, 1)


def test_a_provider_with_options_answers_and_prints_nothing(native, native_folder, capsys):
    # ONNX Runtime takes nothing but a dict: it prints its error, starts again without the options, and goes on.
    for options in ({}, {"use_arena": "0"}, MappingProxyType({"use_arena": "0"})):
        engine = FillMask(native_folder, variant="fp32", providers=[("CPUExecutionProvider", options)], threads=1)
        assert engine.predict("[MASK]") == native.predict("[MASK]")
        assert capsys.readouterr().out == ""


def test_a_provider_that_needs_another_package_is_told_which(native_folder, monkeypatch):
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ProviderError, match="pip install onnxruntime-gpu in place of onnxruntime"):
        FillMask(native_folder, providers=["CUDAExecutionProvider"])


def test_without_a_choice_cuda_is_taken_where_it_is_there_and_never_another(native_folder, monkeypatch):
    assert FillMask(native_folder, threads=1).providers == ["CPUExecutionProvider"]
    asked = []
    monkeypatch.setattr(
        ort, "get_available_providers", lambda: ["Other", "CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    monkeypatch.setattr(ort, "InferenceSession", lambda *_, providers, **__: asked.append(providers))
    with pytest.raises(AttributeError):
        FillMask(native_folder)
    assert asked == [["CUDAExecutionProvider", "CPUExecutionProvider"]]


def test_a_provider_that_does_not_start_is_not_replaced_in_silence(native_folder, monkeypatch):
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    real = ort.InferenceSession

    def falling_back(graph, options, **_):
        return real(graph, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(ort, "InferenceSession", falling_back)
    with pytest.raises(ProviderError, match="CUDAExecutionProvider did not start, ONNX Runtime fell back to CPU"):
        FillMask(native_folder, providers=["CUDAExecutionProvider"])


def test_a_provider_that_fails_with_this_model_is_named(native_folder, monkeypatch):
    def failing(*_, **__):
        raise RuntimeError("no device\nat line 3")

    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(ort, "InferenceSession", failing)
    with pytest.raises(ProviderError, match=r"^CUDAExecutionProvider does not start with this model: no device$"):
        FillMask(native_folder)
