import sys

import onnxruntime as ort
import pytest

from fillmask import FillMask
from fillmask.artifact.folder import Artifact, Graph, open_artifact
from fillmask.errors import ArtifactError, ProviderError, ProviderWarning
from fillmask.notices import Notice
from fillmask.runtime import providers as provider_module
from fillmask.runtime.fallback import Option, options, start

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


# Without a choice: the best that works


def on_cpu_alone(monkeypatch, listed):
    """Let ONNX Runtime list providers, of which the CPU's alone starts, as without a device or its libraries.

    Returns:
        A list, to which the providers of every session are added.
    """
    real, started = ort.InferenceSession, []

    def start(graph, options, providers, **_):
        started.append(providers)
        return real(graph, options, providers=[CPU])

    monkeypatch.setattr(ort, "get_available_providers", lambda: listed)
    monkeypatch.setattr(ort, "InferenceSession", start)
    return started


def test_without_a_choice_it_is_the_cpu_where_cuda_is_not_listed(native_folder, monkeypatch):
    started = on_cpu_alone(monkeypatch, ["OpenVINOExecutionProvider", CPU])
    assert FillMask(native_folder, threads=1).providers == [CPU]
    assert started == [[CPU]]


def test_without_a_choice_cuda_is_tried_and_the_cpu_runs_where_it_does_not_start(native_folder, monkeypatch):
    started = on_cpu_alone(monkeypatch, ["TensorrtExecutionProvider", CUDA, CPU])
    with pytest.warns(ProviderWarning) as warned:
        fill_mask = FillMask(native_folder, threads=1)
    assert started == [[CUDA, CPU], [CPU]]
    assert fill_mask.predict("[MASK]") == FillMask(native_folder, providers=[CPU]).predict("[MASK]")
    (message,) = (str(each.message) for each in warned)
    assert message.startswith(f"{CUDA} did not start, ONNX Runtime took {CPU}; it needs a device")
    assert message.endswith(f"Running variant int8 on {CPU} instead")
    assert warned[0].filename == __file__


def test_a_variant_for_cpus_runs_there_though_cuda_is_listed(native_folder, monkeypatch):
    started = on_cpu_alone(monkeypatch, [CUDA, CPU])
    assert FillMask(native_folder, variant="int8", threads=1).variant == "int8"
    assert started == [[CPU]]


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
    assert [(each.variant, each.providers) for each in options(artifact, "auto", None)] == found


@pytest.mark.parametrize(
    ("provider", "variant"), [(CUDA, "fp16"), (CPU, "int8"), ("OpenVINOExecutionProvider", "int8")]
)
def test_a_provider_that_is_chosen_is_all_that_is_tried(tmp_path, provider, variant):
    artifact = Artifact(tmp_path, "a model", None, {"default_variant": "int8"}, dict.fromkeys(["int8", "fp16"], "a"))
    assert options(artifact, "auto", [provider]) == [Option(variant, [provider])]
    assert options(artifact, "int8", [provider]) == [Option("int8", [provider])]


# What was chosen, or an error


@pytest.fixture(autouse=True)
def anew():
    """Libraries are loaded once a process."""
    provider_module._preload.cache_clear()
    yield
    provider_module._preload.cache_clear()


@pytest.mark.parametrize("providers", [[CUDA], [CUDA, CPU], [CPU, CUDA], ["TensorrtExecutionProvider", CUDA]])
def test_a_provider_that_does_not_start_is_not_replaced_in_silence(native_folder, monkeypatch, providers):
    on_cpu_alone(monkeypatch, ["TensorrtExecutionProvider", CUDA, CPU])
    missing = next(provider for provider in providers if provider != CPU)
    with pytest.raises(ProviderError) as raised:
        FillMask(native_folder, providers=providers)
    assert str(raised.value).startswith(f"{missing} did not start, ONNX Runtime took {CPU}; it needs a device")
    assert '"onnxruntime-gpu[cuda,cudnn]"' in str(raised.value)


def test_messages_about_missing_libraries_are_the_reason(native_folder, monkeypatch, capsys):
    on_cpu_alone(monkeypatch, [CUDA, CPU])
    message = "Failed to load libcudnn.so.9:\n no such file"
    monkeypatch.setattr(ort, "preload_dlls", lambda: sys.stdout.write(message))
    with pytest.raises(ProviderError, match=r"took CPU.*reported: Failed to load libcudnn.so.9: no such file\)$"):
        FillMask(native_folder, providers=[CUDA])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("providers", [[CUDA], [CPU, CUDA]])
@pytest.mark.parametrize(
    ("message", "reason"), [("cannot read it:\nno device\n\n", "cannot read it: no device"), ("", "RuntimeError")]
)
def test_a_provider_that_fails_with_this_model_is_named(native_folder, monkeypatch, providers, message, reason):
    def failing(*_, **__):
        raise RuntimeError(message)

    monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(ort, "InferenceSession", failing)
    with pytest.raises(ProviderError, match=f"^CUDAExecutionProvider does not start with this model: {reason}$"):
        FillMask(native_folder, providers=providers)


@pytest.mark.parametrize("providers", [None, [CPU], [CUDA]])
def test_a_variant_that_is_not_there_is_refused_before_anything_starts(tmp_path, providers):
    artifact = Artifact(tmp_path, "a model", None, {"default_variant": "int8"}, {"int8": "a"})
    with pytest.raises(ArtifactError, match="has no variant 'q4'; it has int8"):
        options(artifact, "q4", providers)


# Starting


def test_the_first_option_that_starts_is_used_without_a_notice(native_folder):
    artifact = open_artifact(native_folder)
    untried = [Option("fp32", [CPU]), Option("int8", [CPU])]
    variant, session, notices = start(artifact, untried, artifact.graph("fp32"), 1)
    assert (variant, session.providers, session.threads, notices) == ("fp32", [CPU], 1, [])


def test_each_option_that_does_not_start_is_a_notice(native_folder, monkeypatch):
    on_cpu_alone(monkeypatch, ["TensorrtExecutionProvider", CUDA, CPU])
    artifact = open_artifact(native_folder)
    untried = [Option("fp32", ["TensorrtExecutionProvider"]), Option("fp32", [CUDA, CPU]), Option("int8", [CPU])]
    variant, session, notices = start(artifact, untried, artifact.graph("fp32"), 1)
    assert (variant, session.providers) == ("int8", [CPU])
    assert [type(notice) for notice in notices] == [Notice, Notice]
    assert [notice.category for notice in notices] == [ProviderWarning, ProviderWarning]
    first, second = (notice.message for notice in notices)
    assert first.startswith("TensorrtExecutionProvider did not start")
    assert first.endswith(f". Running variant fp32 on {CUDA} instead")
    assert second.startswith(f"{CUDA} did not start")
    assert second.endswith(f". Running variant int8 on {CPU} instead")


def test_the_last_option_must_start(native_folder, monkeypatch):
    on_cpu_alone(monkeypatch, [CUDA, CPU])
    artifact = open_artifact(native_folder)
    with pytest.raises(ProviderError, match=f"^{CUDA} did not start"):
        start(artifact, [Option("fp32", [CUDA])], artifact.graph("fp32"), 1)


def test_a_broken_graph_is_no_reason_for_another_option(native_folder):
    artifact = open_artifact(native_folder)
    with pytest.raises(ArtifactError, match="ONNX Runtime cannot load the graph"):
        start(artifact, [Option("fp32", [CPU]), Option("int8", [CPU])], Graph(b"not a graph"), 1)
