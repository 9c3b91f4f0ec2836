"""Every masked LM of transformers, exported and compared with transformers, or refused for the listed reason."""

import json

import numpy as np
import pytest

from fillmask import FillMask
from fillmask.errors import FillMaskError
from fillmask.padding import pad
from fillmask.runtime.session import Session
from fillmask_export.tracing import find_tracer
from tests.export import architectures_page
from tests.support.agreement import ask_engine, ask_reference, assert_agree
from tests.support.architectures import (
    AMINO_ACIDS,
    ARCHITECTURES,
    ELSEWHERE,
    MAX_LENGTH,
    NO_FAST_TOKENIZER,
    make_checkpoint,
)
from tests.support.cases import MASK, Call

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

# One that optimum does not list, and one of proteins with rotary positions.
FAST = {"ernie", "esm"}
EXPORTED = [name for name, architecture in ARCHITECTURES.items() if not architecture.refusal]
REFUSED = [name for name, architecture in ARCHITECTURES.items() if architecture.refusal]
MADE = ("fp32", "int8", "fp16")
LENGTHS = (3, 4, 15, 16, 17, 33, MAX_LENGTH)  # the graph is traced at 16
TEXTS = [
    "The [MASK] sleeps.",
    "In the morning the [MASK] of the house opens the [MASK] and looks at the river.",
    "[MASK] bread, two apples and a piece of cheese lay on the table in the [MASK] house, and nobody ate [MASK].",
]
PROTEINS = ["MK[MASK]LV", "[MASK]QVQLVESGG GLV[MASK]PGGSLRLSCAAS[MASK]", f"{AMINO_ACIDS}J[MASK]W"]


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=[] if name in FAST else pytest.mark.slow) for name in EXPORTED]
)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def checkpoint(name, tmp_path_factory):
    return make_checkpoint(name, tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def artifact(checkpoint, tmp_path_factory):
    from fillmask_export import VARIANTS, Plan, export

    out = tmp_path_factory.mktemp("artifact") / "out"
    # Random networks this narrow are harder on int8 than trained ones.
    plan = Plan(masks=100, max_kl=0.1, max_accuracy_loss=0.1, rounds=0)
    export(checkpoint, out, [variant for variant in MADE if variant in VARIANTS], plan=plan)
    return out


@pytest.fixture(scope="module")
def manifest(artifact):
    return json.loads((artifact / "fillmask.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def reference(checkpoint):
    return transformers.pipeline("fill-mask", model=str(checkpoint), device="cpu")


@pytest.fixture(scope="module")
def logits_of(reference):
    """PyTorch's logits of a batch."""

    def run(encoded):
        ids, attended = map(torch.tensor, encoded)
        with torch.inference_mode():
            return reference.model(input_ids=ids, attention_mask=attended).logits.numpy()

    return run


@pytest.fixture
def session(artifact):
    return Session(artifact / "model.onnx", threads=1)


def rows_of(tokenizer, lengths):
    """Random tokens between the special ones of a model, two of them masked where they fit."""
    rng = np.random.default_rng(0)
    template = np.array(tokenizer(tokenizer.mask_token)["input_ids"])
    mask = int(np.flatnonzero(template == tokenizer.mask_token_id)[0])
    ordinary = np.setdiff1d(np.arange(len(tokenizer)), tokenizer.all_special_ids)
    for length in lengths:
        content = rng.choice(ordinary, length - len(template) + 1)
        content[rng.permutation(len(content))[:2]] = tokenizer.mask_token_id
        yield np.concatenate([template[:mask], content, template[mask + 1 :]])


def masks_of(encoded, mask_token_id):
    """Two positions a text, one of them twice where there is one mask."""
    places = [np.flatnonzero(ids == mask_token_id)[[0, -1]] for ids in encoded[0]]
    return np.stack(places)


def assert_same_rows(session, encoded, positions, logits):
    rows = session.run(*encoded, positions)
    expected = np.take_along_axis(logits, positions[..., None], axis=1)
    np.testing.assert_allclose(scores(rows), scores(expected), rtol=0, atol=1e-5)
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-4 * max(1, np.abs(expected).max()))


def scores(logits):
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("inputs", ["a text", "a list"])
def test_every_prediction_is_that_of_transformers(name, artifact, reference, inputs):
    engine = FillMask(artifact, variant="fp32", threads=1)
    texts = PROTEINS if ARCHITECTURES[name].family == "proteins" else TEXTS
    for inputs_ in texts if inputs == "a text" else [texts]:
        call = Call(inputs_, {"top_k": 20})
        assert_agree(ask_engine(engine, call), ask_reference(reference, call))


def test_a_text_as_long_as_the_model_takes_is_predicted_as_transformers_does(name, artifact, reference):
    engine = FillMask(artifact, variant="fp32", threads=1)
    assert engine.max_length == MAX_LENGTH
    word = "L" if ARCHITECTURES[name].family == "proteins" else " the"
    around = reference.tokenizer(reference.tokenizer.mask_token)["input_ids"]
    call = Call(MASK + word * (MAX_LENGTH - len(around)), {"top_k": 20})
    ids = reference.tokenizer(call.inputs.replace(MASK, engine.mask_token))["input_ids"]
    assert MAX_LENGTH - 2 <= len(ids) <= MAX_LENGTH
    assert_agree(ask_engine(engine, call), ask_reference(reference, call))


def test_texts_of_other_lengths_than_the_traced_one_have_pytorchs_logits(session, reference, logits_of):
    tokenizer = reference.tokenizer
    for row in rows_of(tokenizer, LENGTHS):
        encoded = pad([row], tokenizer.pad_token_id)
        assert_same_rows(session, encoded, masks_of(encoded, tokenizer.mask_token_id), logits_of(encoded))


@pytest.mark.parametrize("lengths", [LENGTHS, (4, 9), (21, 5, 5, 12)], ids=str)
def test_a_padded_batch_has_pytorchs_logits(session, reference, logits_of, lengths):
    tokenizer = reference.tokenizer
    encoded = pad(list(rows_of(tokenizer, lengths)), tokenizer.pad_token_id)
    assert_same_rows(session, encoded, masks_of(encoded, tokenizer.mask_token_id), logits_of(encoded))


def test_padding_counts_where_it_counts_in_pytorch(name, reference, logits_of):
    rows = list(rows_of(reference.tokenizer, LENGTHS))
    together = logits_of(pad(rows, reference.tokenizer.pad_token_id))
    alone = [logits_of(pad([row], 0))[0] for row in rows]
    moved = max(np.abs(scores(together[i, : row.size]) - scores(alone[i])).max() for i, row in enumerate(rows))
    assert bool(moved > 1e-5) is ARCHITECTURES[name].padding_counts


def test_whether_a_text_depends_on_its_batch_is_measured(manifest, name):
    assert manifest["variants"]["fp32"]["batch_invariant"] is not ARCHITECTURES[name].padding_counts


def test_texts_of_equal_length_do_not_depend_on_each_other(manifest):
    assert manifest["variants"]["fp32"]["equal_length_invariant"]


def test_the_docs_say_what_was_exported(manifest, name, reference, record_testsuite_property):
    tables = reference.model.get_input_embeddings(), reference.model.get_output_embeddings()
    row = architectures_page.row_of(manifest, tied=tables[0].weight is tables[1].weight, note=ARCHITECTURES[name].note)
    record_testsuite_property(f"{architectures_page.PROPERTY}{name}", json.dumps(row))
    assert architectures_page.read_rows()[find_tracer()].get(name) == row, "the page is out of date: make architectures"


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore")
def test_what_is_listed_as_refused_is_refused_with_its_reason(name, tmp_path):
    from fillmask_export import Plan, export

    with pytest.raises(FillMaskError, match=ARCHITECTURES[name].refusal):
        export(make_checkpoint(name, tmp_path / "checkpoint"), tmp_path / "out", ("fp32",), plan=Plan(masks=40))
    assert not (tmp_path / "out").exists()


def test_every_masked_lm_of_transformers_is_exported_or_listed_with_a_reason():
    known = {name.partition("/")[0] for name in ARCHITECTURES}
    assert not known & set(ELSEWHERE)
    assert known | set(ELSEWHERE) == set(transformers.models.auto.modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES)


def test_every_architecture_that_optimum_lists_for_fill_mask_is_exported_or_listed_with_a_reason():
    pytest.importorskip("optimum.exporters.onnx.model_configs")  # fills the list
    from optimum.exporters.tasks import TasksManager

    listed = {
        model_type
        for model_type, exporters in TasksManager._SUPPORTED_MODEL_TYPE.items()
        if "fill-mask" in exporters.get("onnx", {})
    }
    known = {name.partition("/")[0] for name in ARCHITECTURES} | set(ELSEWHERE)
    assert {model_type.replace("_", "-") for model_type in listed} <= {name.replace("_", "-") for name in known}


@pytest.mark.parametrize("model_type", NO_FAST_TOKENIZER)
def test_transformers_still_has_no_fast_tokenizer_of_those_listed_for_that(model_type):
    names = transformers.models.auto.tokenization_auto.TOKENIZER_MAPPING_NAMES
    if isinstance(names[model_type], tuple):  # a slow class and a fast one, up to 4.57
        assert names[model_type][1] is None
    else:
        assert not issubclass(getattr(transformers, names[model_type]), transformers.PreTrainedTokenizerFast)
