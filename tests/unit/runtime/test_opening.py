"""A graph opened: with its threads, and on its providers or not at all."""

from types import MappingProxyType

import onnxruntime as ort
import pytest

from fillmask import FillMask
from fillmask.errors import ArtifactError, FillMaskError, InputError


@pytest.fixture
def started(monkeypatch):
    """The providers and options of each session, which then starts on the CPU."""
    real, started_with = ort.InferenceSession, []

    def start(graph, options, providers, **kwargs):
        started_with.append((providers, options))
        return real(graph, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(ort, "InferenceSession", start)
    return started_with


@pytest.mark.parametrize("content", [b"", b"\x00", b"not a graph", b"\xff" * 1000])
def test_a_graph_that_is_garbage_is_refused(foreign_copy, content):
    (foreign_copy / "model.onnx").write_bytes(content)
    with pytest.raises(ArtifactError, match="ONNX Runtime cannot load the graph: "):
        FillMask(foreign_copy)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_are_what_was_chosen(native_folder, threads):
    assert FillMask(native_folder, threads=threads).threads == threads


def test_threads_are_otherwise_what_the_process_may_use(native_folder, monkeypatch):
    monkeypatch.setattr("fillmask.runtime.opening.available_threads", lambda: 2)
    assert FillMask(native_folder).threads == 2


@pytest.mark.parametrize("threads", [0, -1, True, False, "2", 1.0, [1], 1025, 2**40])
def test_threads_that_are_no_number_of_threads_are_refused(native_folder, threads):
    with pytest.raises(InputError) as raised:
        FillMask(native_folder, threads=threads)
    assert f"threads must be a whole number from 1 to 1024, or None, got {threads!r}" in str(raised.value)


@pytest.mark.usefixtures("with_options")
def test_the_options_of_a_provider_reach_onnx_runtime(native_folder, started):
    pair = ("CPUExecutionProvider", {"use_arena": "0"})
    assert FillMask(native_folder, providers=[pair], threads=1).providers == ["CPUExecutionProvider"]
    assert [providers for providers, _ in started] == [[pair]]


@pytest.mark.parametrize("threads", [1, 7, 1024])
def test_threads_reach_onnx_runtime(native_folder, started, threads):
    assert FillMask(native_folder, threads=threads).threads == threads
    ((_, options),) = started
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (threads, 1)


@pytest.mark.usefixtures("with_options")
def test_a_provider_with_options_predicts_and_prints_nothing(native, native_folder, capsys):
    # ONNX Runtime takes nothing but a dict: it prints its error, starts again without the options, and goes on.
    for options in ({}, {"use_arena": "0"}, MappingProxyType({"use_arena": "0"})):
        engine = FillMask(native_folder, variant="fp32", providers=[("CPUExecutionProvider", options)], threads=1)
        assert engine.predict("[MASK]") == native.predict("[MASK]")
        assert capsys.readouterr().out == ""


def test_onnx_runtime_does_not_go_on_with_other_providers_when_one_fails_in_a_run(native_folder, monkeypatch, capsys):
    fill_mask = FillMask(native_folder, threads=1)
    session = fill_mask.model.session.ort

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
