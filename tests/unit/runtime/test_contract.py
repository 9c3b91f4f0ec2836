"""What the graph of a masked LM takes and gives."""

import json

import numpy as np
import onnx
import pytest

from fillmask import FillMask
from fillmask.errors import ArtifactError, FillMaskError
from fillmask.padding import pad
from fillmask.runtime.session import Session
from tests.support import toys

IDS = np.array([2, 5, 4, 9, 4, 3])
MASKS = np.array([[2, 4]])
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


def test_a_graph_that_takes_the_masks_and_scores_all_tokens_is_refused():
    graph = toys.parse(
        """toy (int64[b,s] input_ids, int64[b,m] mask_positions) => (float[b,s,1] logits) {
            no = Sub(mask_positions, mask_positions) none = ReduceSum<keepdims=1>(no) a = Add(input_ids, none)
            c = Cast<to=1>(a) logits = Unsqueeze(c, axis) }""",
        axis=np.array([2]),
    )
    with pytest.raises(FillMaskError, match=r"logits \(1, 6, 1\) for masks \(1, 2\), no row for each"):
        Session(graph, threads=1).run(*pad([IDS], 0), MASKS)


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
