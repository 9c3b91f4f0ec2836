import json
import os
from types import MappingProxyType

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from fillmask import FillMask
from fillmask.errors import ArtifactError, FillMaskError, ForkError, InputError, TopKError
from fillmask.padding import pad
from fillmask.runtime.session import Session
from tests.support import toys

IDS = np.array([2, 5, 4, 9, 4, 3])
MASKS = np.array([[2, 4]])


def expected(weights):
    return np.stack([weights[0][IDS[mask - 1]] + weights[1][IDS[mask + 1]] for mask in MASKS[0]])[None]


@pytest.mark.parametrize("make", [toys.native_graph, toys.foreign_graph])
@pytest.mark.parametrize("ids", ["int64", "int32"])
def test_the_logits_are_those_at_the_masks_whatever_the_graph_takes(make, ids):
    weights = toys.tables(3)
    session = Session(make(weights, ids=ids), threads=1)
    assert session.at_masks is (make is toys.native_graph)
    np.testing.assert_array_equal(session.run(*pad([IDS], 0), MASKS), expected(weights))


def test_a_graph_that_takes_the_masks_and_scores_all_tokens_is_refused():
    graph = toys.parse(
        """toy (int64[b,s] input_ids, int64[b,m] mask_positions) => (float[b,s,1] logits) {
            no = Sub(mask_positions, mask_positions) none = ReduceSum<keepdims=1>(no) a = Add(input_ids, none)
            c = Cast<to=1>(a) logits = Unsqueeze(c, axis) }""",
        axis=np.array([2]),
    )
    with pytest.raises(FillMaskError, match=r"logits \(1, 6, 1\) for masks \(1, 2\), no row for each"):
        Session(graph, threads=1).run(*pad([IDS], 0), MASKS)


def test_half_precision_logits_become_float32():
    logits = Session(toys.foreign_graph(toys.tables(3), dtype="float16"), threads=1).run(*pad([IDS], 0), MASKS)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected(toys.tables(3)), rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("make", [toys.native_graph, toys.foreign_graph])
def test_texts_of_different_lengths_run_in_one_batch(make):
    session = Session(make(toys.tables(3)), threads=1)
    alone = session.run(*pad([IDS], 0), MASKS)
    together = session.run(*pad([IDS, IDS[:4]], 0), np.array([[2, 4], [2, 1]]))
    np.testing.assert_array_equal(together[0], alone[0])
    np.testing.assert_array_equal(together[1, 0], alone[0, 0])


def test_a_graph_may_be_a_path(foreign_folder):
    logits = Session(foreign_folder / "model.onnx", threads=1).run(*pad([IDS], 0), MASKS)
    np.testing.assert_array_equal(logits, expected(toys.tables()))


# Graphs that are no masked LM

GRAPHS = {
    "takes pixels;": """toy (float[b,s] pixels) => (float[b,s,v] logits)
        { logits = Unsqueeze(pixels, axis) }""",
    "takes input_ids, position_ids;": """toy (int64[b,s] input_ids, int64[b,s] position_ids) => (float[b,s,v] logits)
        { a = Add(input_ids, position_ids) c = Unsqueeze(a, axis) logits = Cast<to=1>(c) }""",
    "takes attention_mask;": """toy (int64[b,s] attention_mask) => (float[b,s,v] logits)
        { c = Unsqueeze(attention_mask, axis) logits = Cast<to=1>(c) }""",
    r"takes input_ids as tensor\(float\)": """toy (float[b,s] input_ids) => (float[b,s,v] logits)
        { logits = Unsqueeze(input_ids, axis) }""",
    "gives logits with 2 axes; a masked LM gives": """toy (int64[b,s] input_ids) => (float[b,s] logits)
        { logits = Cast<to=1>(input_ids) }""",
    "gives last_hidden_state with 4 axes": """toy (int64[b,s] input_ids) => (float[b,s,x,y] last_hidden_state)
        { a = Cast<to=1>(input_ids) c = Unsqueeze(a, axis) last_hidden_state = Unsqueeze(c, axis) }""",
}  # fmt: skip


@pytest.mark.parametrize(("message", "text"), GRAPHS.items(), ids=list(GRAPHS))
def test_a_graph_that_is_no_masked_lm_is_refused_with_what_it_is(tmp_path, message, text):
    graph = toys.parse(text, axis=np.array([2]))
    with pytest.raises(ArtifactError, match=f"the graph {message}"):
        FillMask(toys.write_foreign(tmp_path / "model", {"model.onnx": graph}), threads=1)


def test_a_graph_that_gives_its_logits_another_name_is_taken():
    text = (
        "toy (int64[b,s] input_ids) => (float[b,s,v] scores) { a = Cast<to=1>(input_ids) scores = Unsqueeze(a, axis) }"
    )
    logits = Session(toys.parse(text, axis=np.array([2])), threads=1).run(*pad([IDS], 0), MASKS)
    assert logits.tolist() == [[[4], [4]]]


@pytest.mark.parametrize("content", [b"", b"\x00", b"not a graph", b"\xff" * 1000])
def test_a_graph_that_is_garbage_is_refused(foreign_copy, content):
    (foreign_copy / "model.onnx").write_bytes(content)
    with pytest.raises(ArtifactError, match="ONNX Runtime cannot load the graph: "):
        FillMask(foreign_copy)


def test_a_run_that_fails_is_an_error_of_the_engine():
    graph = toys.parse(
        "toy (int64[b,s] input_ids) => (float[b,s,1] logits) { c = Reshape(input_ids, shape) logits = Cast<to=1>(c) }",
        shape=np.array([1, 9, 1]),
    )
    session = Session(graph, threads=1)
    with pytest.raises(FillMaskError, match=r"^ONNX Runtime failed in a run: [^\n]+$"):
        session.run(*pad([IDS], 0), MASKS)


@pytest.mark.parametrize("shape", ["1,9", "b,9", "2,s", "b", "b,s,1"])
def test_a_graph_that_does_not_take_texts_of_any_length_is_refused_when_it_is_opened(shape):
    graph = toys.parse(
        f"toy (int64[{shape}] input_ids) => (float[a,c,d] logits) "
        "{ c = Cast<to=1>(input_ids) logits = Reshape(c, shape) }",
        shape=np.array([1, -1, 1]),
    )
    with pytest.raises(ArtifactError, match=r"takes input_ids of the fixed shape .* dynamic axes \[b, s\]"):
        Session(graph, threads=1)


def test_a_graph_that_takes_one_row_is_taken():
    graph = toys.parse("toy (int64[1,s] input_ids) => (float[1,s,1] logits) "
                       "{ a = Cast<to=1>(input_ids) logits = Unsqueeze(a, axis) }", axis=np.array([2]))  # fmt: skip
    assert Session(graph, threads=1).run(*pad([IDS], 0), MASKS).tolist() == [[[4], [4]]]


# Graphs without a masked-LM head


def renamed_output(name: str, size: int) -> bytes:
    """A foreign graph that gives ``size`` numbers a token, more than the id of the mask, under another name."""
    model = onnx.load_from_string(toys.foreign_graph(toys.tables()[:, :, :size]))
    model.graph.output[0].name = model.graph.node[-1].output[0] = name
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("output", "size", "config"),
    [
        ("states", 32, {}),
        ("hidden", 32, {"vocab_size": 79}),
        ("states", 32, {"vocab_size": 16}),
        ("last_hidden_state", 79, {"vocab_size": 79}),
        ("token_embeddings", 79, {}),
        ("logits", 9, {"vocab_size": 79, "id2label": dict.fromkeys("abcdefghi")}),
    ],
)
def test_hidden_states_and_labels_are_not_taken_for_logits(tmp_path, output, size, config):
    folder = toys.write_foreign(tmp_path, {"model.onnx": renamed_output(output, size)})
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtifactError, match=f"no masked-LM head: it gives {output} with {size} numbers"):
        FillMask(folder, threads=1)


@pytest.mark.parametrize("config", [{}, {"vocab_size": 79}])
def test_a_head_whose_output_has_another_name_is_taken(tmp_path, config):
    folder = toys.write_foreign(tmp_path, {"model.onnx": renamed_output("prediction_scores", 79)})
    (folder / "config.json").write_text(json.dumps(config))
    assert FillMask(folder, threads=1).vocab_size == 79


# How many tokens a graph scores


@pytest.mark.parametrize("make", [toys.native_graph, toys.foreign_graph])
@pytest.mark.parametrize("ids", ["int64", "int32"])
def test_the_vocabulary_is_the_last_axis_of_the_logits(make, ids):
    assert Session(make(toys.tables(3)[:, :, :33], ids=ids), threads=1).vocab_size == 33


def test_a_declared_vocabulary_is_taken_without_a_run(monkeypatch):
    monkeypatch.setattr(Session, "run", lambda *_: pytest.fail("the model ran"))
    assert Session(toys.native_graph(toys.tables(3)), threads=1).vocab_size == toys.VOCAB_SIZE


def test_an_undeclared_vocabulary_is_found_by_one_run_on_two_tokens(monkeypatch):
    run, shapes = Session._logits, []

    def spy(session, input_ids, attention_mask, positions):
        shapes.append((input_ids.shape, attention_mask.tolist(), positions.shape))
        return run(session, input_ids, attention_mask, positions)

    monkeypatch.setattr(Session, "_logits", spy)
    assert Session(toys.hidden_size_graph(10), threads=1).vocab_size == 10
    assert shapes == [((1, 2), [[1, 1]], (1, 1))]


def test_an_undeclared_vocabulary_bounds_top_k(tmp_path):
    engine = FillMask(toys.write_foreign(tmp_path / "model", {"model.onnx": toys.hidden_size_graph(10)}), threads=1)
    assert (engine.vocab_size, len(engine.predict("[MASK]", top_k=10)[0])) == (10, 10)
    with pytest.raises(TopKError, match="from 0 to 10, the size of the vocabulary"):
        engine.predict("[MASK]", top_k=11)


# Logits that are not numbers: scoring refuses them


@pytest.mark.parametrize("make", [toys.native_graph, toys.foreign_graph])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_no_number_is_handed_on_and_spoils_no_other(make, value):
    weights = toys.tables(3)
    weights[1, IDS[3], 7] = value  # behind the first mask only
    logits = Session(make(weights), threads=1).run(*pad([IDS], 0), MASKS)
    np.testing.assert_array_equal(logits, expected(weights))
    assert np.argwhere(~np.isfinite(logits)).tolist() == [[0, 0, 7]]


def test_what_a_foreign_graph_gives_beside_the_masks_is_not_looked_at():
    weights = toys.tables(3)
    weights[0, IDS[0]] = np.nan  # seen by the second token, which is no mask
    logits = Session(toys.foreign_graph(weights), threads=1).run(*pad([IDS], 0), MASKS)
    np.testing.assert_array_equal(logits, expected(weights))


def test_a_model_whose_first_run_fails_does_not_load(monkeypatch):
    def fail(*_):
        raise FillMaskError("ONNX Runtime failed in a run: no memory")

    monkeypatch.setattr(Session, "_logits", fail)
    with pytest.raises(ArtifactError, match="does not run on two tokens: ONNX Runtime failed in a run: no memory"):
        Session(toys.hidden_size_graph(10), threads=1)


def test_a_graph_without_logits_does_not_load():
    with pytest.raises(ArtifactError, match="their last axis is 0"):
        Session(toys.hidden_size_graph(0), threads=1)


# Threads and providers


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_are_what_was_chosen(native_folder, threads):
    assert FillMask(native_folder, threads=threads).threads == threads


def test_threads_are_otherwise_what_the_process_may_use(native_folder, monkeypatch):
    monkeypatch.setattr("fillmask.runtime.session.available_threads", lambda: 2)
    assert FillMask(native_folder).threads == 2


@pytest.mark.parametrize("threads", [0, -1, True, False, "2", 1.0, [1], 1025, 2**40])
def test_threads_that_are_no_number_of_threads_are_refused(native_folder, threads):
    with pytest.raises(InputError) as raised:
        FillMask(native_folder, threads=threads)
    assert f"threads must be a whole number from 1 to 1024, or None, got {threads!r}" in str(raised.value)


@pytest.fixture
def started(monkeypatch):
    """The providers and options of each session, which then starts on the CPU."""
    real, started_with = ort.InferenceSession, []

    def start(graph, options, providers, **kwargs):
        started_with.append((providers, options))
        return real(graph, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(ort, "InferenceSession", start)
    return started_with


def test_the_options_of_a_provider_reach_onnx_runtime(native_folder, started):
    pair = ("CPUExecutionProvider", {"use_arena": "0"})
    assert FillMask(native_folder, providers=[pair], threads=1).providers == ["CPUExecutionProvider"]
    assert [providers for providers, _ in started] == [[pair]]


@pytest.mark.parametrize("threads", [1, 7, 1024])
def test_threads_reach_onnx_runtime(native_folder, started, threads):
    assert FillMask(native_folder, threads=threads).threads == threads
    ((_, options),) = started
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (threads, 1)


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


def test_a_session_knows_what_it_runs_on():
    session = Session(toys.native_graph(toys.tables(3)), threads=1)
    assert (session.providers, session.on_gpu) == (["CPUExecutionProvider"], False)
    assert session.takes_attention_mask
    assert set(session.nodes) <= {"CPUExecutionProvider"}


def test_where_onnx_runtime_does_not_report_its_nodes_there_are_none():
    session = Session(toys.native_graph(toys.tables(3)), threads=1)
    session.ort = object()
    assert session.nodes == {}


# Forks


def test_another_process_is_refused_with_both_numbers_and_a_way_out(monkeypatch):
    session = Session(toys.native_graph(toys.tables(3)), threads=1)
    session.check_process()
    process = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: process + 1)
    pattern = rf"made in process {process} and does not survive a fork into {process + 1}; .*get_context\('spawn'\)"
    for use in (session.check_process, lambda: session.run(*pad([IDS], 0), MASKS)):
        with pytest.raises(ForkError, match=pattern):
            use()
    monkeypatch.setattr(os, "getpid", lambda: process)
    session.check_process()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # other tests leave threads, which the child does not use
def test_a_child_is_another_process_and_its_parent_is_not():
    session = Session(toys.native_graph(toys.tables(3)), threads=1)
    child = os.fork()
    if not child:
        try:
            session.check_process()
        except ForkError:
            os._exit(7)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
    session.check_process()
