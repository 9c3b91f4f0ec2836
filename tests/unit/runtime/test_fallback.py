import pickle
import sys
from types import MappingProxyType

import onnxruntime as ort
import pytest

from fillmask import FillMask, ProviderWarning
from fillmask.artifact.folder import Artifact
from fillmask.errors import FillMaskError, InputError, ProviderError
from fillmask.runtime import providers as provider_module
from fillmask.runtime.fallback import Start, plan_starts


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_are_what_was_asked_for(native_folder, threads):
    assert FillMask(native_folder, threads=threads).threads == threads


def test_threads_are_otherwise_what_the_process_may_use(native_folder, monkeypatch):
    monkeypatch.setattr("fillmask.runtime.session.available_threads", lambda: 2)
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
    with pytest.raises(ProviderError, match=r'; pip install "onnxruntime-gpu\[cuda,cudnn\]" in place of onnxruntime$'):
        FillMask(native_folder, providers=["CUDAExecutionProvider"])


# Without a choice: the best that works


def on_cpu_alone(monkeypatch, listed):
    """Let ONNX Runtime list providers, of which the CPU's alone starts, as without a device or its libraries.

    Returns:
        A list, to which the providers of every session are added.
    """
    real, asked = ort.InferenceSession, []

    def start(graph, options, providers, **_):
        asked.append(providers)
        return real(graph, options, providers=[CPU])

    monkeypatch.setattr(ort, "get_available_providers", lambda: listed)
    monkeypatch.setattr(ort, "InferenceSession", start)
    return asked


CUDA = "CUDAExecutionProvider"


def test_without_a_choice_it_is_the_cpu_where_cuda_is_not_listed(native_folder, monkeypatch):
    asked = on_cpu_alone(monkeypatch, ["OpenVINOExecutionProvider", CPU])
    assert FillMask(native_folder, threads=1).providers == [CPU]
    assert asked == [[CPU]]


def test_without_a_choice_cuda_is_tried_and_the_cpu_answers_where_it_does_not_start(native_folder, monkeypatch):
    asked = on_cpu_alone(monkeypatch, ["TensorrtExecutionProvider", CUDA, CPU])
    with pytest.warns(ProviderWarning) as warned:
        fill_mask = FillMask(native_folder, threads=1)
    assert asked == [[CUDA, CPU], [CPU]]
    assert fill_mask.predict("[MASK]") == FillMask(native_folder, providers=[CPU]).predict("[MASK]")
    (message,) = (str(each.message) for each in warned)
    assert message.startswith(f"{CUDA} did not start, ONNX Runtime took {CPU}; it needs a device")
    assert message.endswith(f"Running variant int8 on {CPU} instead")
    assert warned[0].filename == __file__


def test_a_variant_for_cpus_runs_there_though_cuda_is_listed(native_folder, monkeypatch):
    asked = on_cpu_alone(monkeypatch, [CUDA, CPU])
    assert FillMask(native_folder, variant="int8", threads=1).variant == "int8"
    assert asked == [[CPU]]


@pytest.mark.parametrize(
    ("names", "manifest", "found"),
    [
        (["int8", "fp16", "fp32"], {"default_variant": "int8"}, [("fp16", [CUDA, CPU]), ("int8", [CPU])]),
        (["int8", "fp32"], {"default_variant": "int8"}, [("fp32", [CUDA, CPU]), ("int8", [CPU])]),
        (["int8"], {"default_variant": "int8"}, [("int8", [CPU])]),
        (["fp16", "fp32"], {}, [("fp32", [CUDA, CPU]), ("fp32", [CPU])]),  # nothing vouches for a foreign fp16
        (["q8"], {}, [("q8", [CPU])]),
    ],
)
def test_auto_is_another_variant_on_a_gpu(tmp_path, monkeypatch, names, manifest, found):
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, CPU])
    artifact = Artifact(tmp_path, "a model", None, manifest, dict.fromkeys(names, "model.onnx"))
    assert [(each.variant, each.providers) for each in plan_starts(artifact, "auto", None)] == found


@pytest.mark.parametrize(
    ("provider", "variant"), [(CUDA, "fp16"), (CPU, "int8"), ("OpenVINOExecutionProvider", "int8")]
)
def test_a_provider_that_is_asked_for_is_all_that_is_tried(tmp_path, provider, variant):
    artifact = Artifact(tmp_path, "a model", None, {"default_variant": "int8"}, dict.fromkeys(["int8", "fp16"], "a"))
    assert plan_starts(artifact, "auto", [provider]) == [Start(variant, [provider])]
    assert plan_starts(artifact, "int8", [provider]) == [Start("int8", [provider])]


# What was asked for, or an error


@pytest.fixture(autouse=True)
def anew():
    """Libraries are loaded once a process."""
    provider_module._preload.cache_clear()
    yield
    provider_module._preload.cache_clear()


def test_options_of_any_mapping_pickle(native_folder):
    options = {"use_arena": "0"}
    fill_mask = FillMask(native_folder, providers=[(CPU, MappingProxyType(options))], threads=1)
    options["use_arena"] = "no more"
    assert pickle.loads(pickle.dumps(fill_mask)).predict("[MASK]") == fill_mask.predict("[MASK]")
    assert fill_mask.__reduce__()[0].keywords["providers"] == [(CPU, {"use_arena": "0"})]


@pytest.mark.parametrize("providers", [[CUDA], [CUDA, CPU], [CPU, CUDA], ["TensorrtExecutionProvider", CUDA]])
def test_a_provider_that_does_not_start_is_not_replaced_in_silence(native_folder, monkeypatch, providers):
    on_cpu_alone(monkeypatch, ["TensorrtExecutionProvider", CUDA, CPU])
    missing = next(provider for provider in providers if provider != CPU)
    with pytest.raises(ProviderError) as raised:
        FillMask(native_folder, providers=providers)
    assert str(raised.value).startswith(f"{missing} did not start, ONNX Runtime took {CPU}; it needs a device")
    assert '"onnxruntime-gpu[cuda,cudnn]"' in str(raised.value)


def test_what_is_said_of_missing_libraries_is_the_reason(native_folder, monkeypatch, capsys):
    on_cpu_alone(monkeypatch, [CUDA, CPU])
    said = "Failed to load libcudnn.so.9:\n no such file"
    monkeypatch.setattr(ort, "preload_dlls", lambda: sys.stdout.write(said), raising=False)
    with pytest.raises(ProviderError, match=r"took CPU.*said: Failed to load libcudnn.so.9: no such file\)$"):
        FillMask(native_folder, providers=[CUDA])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("providers", [[CUDA], [CPU, CUDA]])
@pytest.mark.parametrize(
    ("message", "said"), [("cannot read it:\nno device\n\n", "cannot read it: no device"), ("", "RuntimeError")]
)
def test_a_provider_that_fails_with_this_model_is_named(native_folder, monkeypatch, providers, message, said):
    def failing(*_, **__):
        raise RuntimeError(message)

    monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(ort, "InferenceSession", failing)
    with pytest.raises(ProviderError, match=f"^CUDAExecutionProvider does not start with this model: {said}$"):
        FillMask(native_folder, providers=providers)


def test_onnx_runtime_does_not_go_on_with_other_providers_when_one_fails_in_a_run(native_folder, monkeypatch, capsys):
    fill_mask = FillMask(native_folder, threads=1)
    session = fill_mask._session._session

    class Failing:
        def __init__(self, real):
            self._real = real

        def __getattr__(self, name):
            return getattr(self._real, name)

        def run(self, *_):
            raise ort.capi.onnxruntime_pybind11_state.EPFail("the device is lost")

    monkeypatch.setattr(session, "_sess", Failing(session._sess))
    monkeypatch.setattr(session, "set_providers", lambda _: pytest.fail("it goes on elsewhere"))
    with pytest.raises(FillMaskError, match=r"^ONNX Runtime failed in a run: the device is lost$"):
        fill_mask.predict("[MASK]")
    assert capsys.readouterr().out == ""
