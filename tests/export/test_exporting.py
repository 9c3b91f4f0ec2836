import hashlib
import json
import shutil

import onnx
import pytest
import torch
import transformers
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM, pipeline

import fillmask_export
from fillmask import FillMask, IntegrityError
from fillmask.invariance import recorded
from fillmask.runtime.session import Session
from fillmask.verification import verify
from fillmask_export import Plan, export
from fillmask_export.verify.tokenizer_check import texts_for
from tests.support.agreement import ask_engine, ask_reference, assert_agree
from tests.support.cases import calls

FEW = Plan(masks=60, rounds=0)
FILES = {"README.md", "config.json", "fillmask.json"}
FILES |= {"tokenizer.json", "tokenizer_config.json"}
FILES |= {"special_tokens_map.json"} if transformers.__version__ < "5" else set()
STEMS = {"fp32": "model", "int8": "model_int8", "fp16": "model_fp16", "int4": "model_int4"}
GRAPHS = {variant: {f"{stem}.onnx", f"{stem}.onnx_data"} for variant, stem in STEMS.items()}
# Random networks this narrow are harder on few bits than trained ones.
LOOSE = Plan(masks=300, max_kl=9.0, max_accuracy_loss=1.0, rounds=0)


@pytest.fixture(scope="session")
def exported(checkpoint_of, tmp_path_factory):
    """A BERT checkpoint exported in both variants: its folder, its manifest, and the lines of progress."""
    out, steps = tmp_path_factory.mktemp("exported") / "new" / "artifact", []
    manifest = export(checkpoint_of("wordpiece"), out, plan=Plan(masks=300, max_kl=1.0, rounds=0), say=steps.append)
    return out, manifest, steps


@pytest.fixture(scope="session")
def lowered(checkpoint, family, tmp_path_factory):
    """The checkpoint of each family exported in the variants that are made on request only."""
    out = tmp_path_factory.mktemp("lowered") / family
    return out, export(checkpoint, out, ("fp16", "int4"), plan=LOOSE)


@pytest.fixture(scope="session")
def fp32(checkpoint, family, tmp_path_factory):
    """The checkpoint of each family exported in fp32."""
    out = tmp_path_factory.mktemp("fp32") / family
    export(checkpoint, out, ("fp32",), plan=FEW)
    return out


def left_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("corner", ["single_mask", "several_masks", "random_masks", "top_k_all", "truncation_right"])
def test_an_exported_checkpoint_predicts_as_transformers_does(fp32, reference, family, corner):
    engine = FillMask(fp32, threads=1)
    for call in calls(family)[corner]:
        assert_agree(ask_engine(engine, call), ask_reference(reference, call))


def test_every_family_is_verified_to_the_fifth_digit(fp32):
    manifest = json.loads((fp32 / "fillmask.json").read_text("utf-8"))
    fidelity = manifest["variants"]["fp32"]["fidelity"]
    assert fidelity["masks"] == manifest["verification"]["masks"] >= 60
    assert fidelity["max_score_difference"] <= 1e-5
    assert (fidelity["top_1_agreement"], fidelity["top_5_agreement"], fidelity["not_finite"]) == (1.0, 1.0, 0)
    assert fidelity["accuracy"] == fidelity["checkpoint_accuracy"]


def test_scores_of_texts_are_compared_with_those_of_fp32(exported, lowered):
    variants = exported[1]["variants"]
    assert "likelihoods" not in variants["fp32"]
    found = variants["int8"]["likelihoods"]
    assert (found["texts"], found["pairs"]) == (10, 10)
    assert 0 < found["mean_log_prob_difference"] < 1
    assert found["rank_correlation"] > 0.5
    assert "one token replaced by the likeliest other" in exported[1]["verification"]["pairs"]
    assert {"likelihoods", "unmasked_texts"} <= lowered[1]["variants"]["fp16"].keys()  # without fp32 in the artifact


def test_long_texts_of_an_int8_model_keep_their_scores_beside_others(checkpoint_of, tmp_path, monkeypatch):
    """They attend without a mask, whose results differ in the last digits, and are never padded."""
    source = shutil.copytree(checkpoint_of("wordpiece"), tmp_path / "checkpoint")
    config = BertConfig.from_pretrained(source, max_position_embeddings=512)
    torch.manual_seed(0)
    BertForMaskedLM(config).save_pretrained(source)
    AutoTokenizer.from_pretrained(source, model_max_length=512).save_pretrained(source)
    manifest = export(source, tmp_path / "out", ("fp32", "int8"), plan=LOOSE)
    assert "padded_below" not in manifest["variants"]["fp32"]
    assert manifest["variants"]["int8"]["padded_below"] == 384
    assert manifest["variants"]["int8"]["long_texts"]["tokens"] == 512
    engine = FillMask(tmp_path / "out", variant="int8", threads=1)
    texts = [
        word + " ." * (tokens - 4) + engine.mask_token
        for word, tokens in [("a", 384), ("a", 380), ("a", 400), ("b", 384), ("a", 383), ("c", 384)]
    ]
    runs, run = [], Session.run
    monkeypatch.setattr(Session, "run", lambda self, ids, mask, *rest: runs.append(mask) or run(self, ids, mask, *rest))
    together = list(engine.predict_many(texts, batch_size=8))
    assert sorted((mask.shape, int(mask.sum())) for mask in runs) == [
        ((1, 400), 400),
        ((2, 383), 763),
        ((3, 384), 1152),
    ]
    assert together == [engine.predict(text) for text in texts]


def test_an_artifact_holds_what_the_engine_reads_and_nothing_else(exported, fp32, family):
    names = set(left_in(exported[0]))
    assert names == FILES | GRAPHS["fp32"] | GRAPHS["int8"]
    assert not GRAPHS["int8"] & set(left_in(fp32))
    assert set(left_in(fp32)) >= GRAPHS["fp32"]


def test_the_manifest_lists_every_file_with_its_hash(exported):
    out, manifest, _ = exported
    assert json.loads((out / "fillmask.json").read_text("utf-8")) == manifest
    assert manifest["files"].keys() == set(left_in(out)) - {"fillmask.json", "README.md"}
    for name, record in manifest["files"].items():
        content = (out / name).read_bytes()
        assert record == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def test_each_graph_reads_its_weights_from_the_file_that_its_variant_names(exported):
    out, manifest, _ = exported
    for entry in manifest["variants"].values():
        tensors = onnx.load(out / entry["file"], load_external_data=False).graph.initializer
        outside = [tensor for tensor in tensors if tensor.data_location == onnx.TensorProto.EXTERNAL]
        assert {e.value for t in outside for e in t.external_data if e.key == "location"} == {entry["weights"]}
        assert entry["weights"] in manifest["files"]


@pytest.mark.parametrize("variant", ["fp32", "int8"])
def test_exported_weights_that_changed_are_refused(exported, tmp_path, variant):
    copy = shutil.copytree(exported[0], tmp_path / "copy")
    weights = copy / exported[1]["variants"][variant]["weights"]
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    for load in (lambda: FillMask(copy, variant=variant, threads=1), lambda: verify(copy)):
        with pytest.raises(IntegrityError, match=f"{weights.name} is not the file that fillmask.json lists"):
            load()


def test_the_manifest_says_what_was_exported(exported):
    _, manifest, _ = exported
    assert manifest["source"] == {"checkpoint": "wordpiece", "revision": None}
    assert (manifest["architecture"], manifest["mask_token"]) == ("BertForMaskedLM", "[MASK]")
    assert (manifest["vocab_size"], manifest["max_length"], manifest["default_variant"]) == (560, 64, "int8")
    assert list(manifest["variants"]) == ["fp32", "int8"]
    assert manifest["variants"]["int8"]["quantization"]


def size_of(folder, entry):
    """Of graph and weights, as they lie on the disk."""
    return sum((folder / entry[key]).stat().st_size for key in ("file", "weights"))


def test_int8_is_smaller_close_and_the_default(exported):
    out, manifest, _ = exported
    assert size_of(out, manifest["variants"]["int8"]) < size_of(out, manifest["variants"]["fp32"])
    assert FillMask(out, threads=1).variant == "int8"
    assert manifest["variants"]["int8"]["fidelity"]["mean_kl"] < 0.1


def test_fp16_predicts_as_transformers_does_to_the_second_digit(lowered, reference):
    out, manifest = lowered
    engine = FillMask(out, variant="fp16", threads=1)
    for answer in manifest["variants"]["fp16"]["expected"]:
        scores = {each.token: each.score for each in engine.predict(answer["text"], top_k=50)[0]}
        for row in reference(answer["text"]):
            assert scores[row["token"]] == pytest.approx(row["score"], abs=5e-3)


def test_the_lowered_variants_are_verified_as_the_others_are(lowered):
    out, manifest = lowered
    fp16, int4 = manifest["variants"]["fp16"], manifest["variants"]["int4"]
    assert fp16["fidelity"]["mean_kl"] < 1e-3
    assert fp16["fidelity"]["not_finite"] == int4["fidelity"]["not_finite"] == 0
    assert fp16["random_texts"] == int4["random_texts"] == {"texts": 32, "not_finite": 0}
    assert "float16" in fp16["quantization"]
    assert "4 bits in blocks of 32" in int4["quantization"]
    assert {fp16["batch_invariant"], int4["batch_invariant"]} == {True}
    assert set(left_in(out)) == FILES | GRAPHS["fp16"] | GRAPHS["int4"]


def test_the_lowered_variants_verify_where_they_were_made(lowered):
    assert [(check.variant, check.passed, check.error) for check in verify(lowered[0])] == [
        ("fp16", True, None),
        ("int4", True, None),
    ]


def test_int8_is_the_default_where_it_is_there_and_else_the_first(exported, lowered):
    assert exported[1]["default_variant"] == "int8"
    assert lowered[1]["default_variant"] == "fp16"


def test_the_engine_reads_from_the_manifest_whether_products_are_of_integers(exported, lowered, monkeypatch):
    monkeypatch.setattr("fillmask.runtime.padding_trial.padding_keeps_bits", lambda: True)
    seen = {"batch_invariant": True, "equal_length_invariant": True, "batch_difference": 0.0}
    variants = exported[1]["variants"] | lowered[1]["variants"]
    bits = {variant: recorded(entry | seen).bits for variant, entry in variants.items()}
    assert bits == {"fp32": False, "int8": True, "fp16": False, "int4": False}


def test_the_manifest_counts_the_texts_that_both_tokenizers_read(exported, checkpoint_of):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint_of("wordpiece"))
    assert exported[1]["verification"]["tokenizer"] == {"texts": len(texts_for(tokenizer))}


def test_an_artifact_verifies_where_it_was_made(exported):
    checks = verify(exported[0])
    assert [check.variant for check in checks] == ["fp32", "int8"]
    assert all(check.passed and check.texts == 8 for check in checks)
    assert max(check.max_score_difference for check in checks) < 1e-6


def test_stored_predictions_are_those_of_transformers(exported, checkpoint_of):
    _, manifest, _ = exported
    reference = pipeline("fill-mask", model=str(checkpoint_of("wordpiece")), device="cpu")
    for answer in manifest["variants"]["fp32"]["expected"]:
        rows = reference(answer["text"])
        assert answer["tokens"] == [row["token"] for row in rows]
        assert answer["scores"] == pytest.approx([row["score"] for row in rows], abs=1e-5)


def test_the_card_shows_the_figures_of_the_manifest(exported):
    out, manifest, _ = exported
    card = (out / "README.md").read_text("utf-8")
    assert f"over {manifest['verification']['masks']:,} masks in fillmask's built-in English sentences" in card
    assert f"{manifest['variants']['int8']['fidelity']['mean_kl']:.2e}" in card


def test_each_step_is_reported(exported):
    verbs = [step.split()[0] for step in exported[2]]
    assert verbs == ["loading", "converting", "running", "building", "building", "scoring", "wrote"]


def test_only_the_artifact_is_left_beside_it(exported):
    assert left_in(exported[0].parent)[0] == "artifact"
    assert {name.split("/")[0] for name in left_in(exported[0].parent)} == {"artifact"}


@pytest.mark.usefixtures("traced_anew")
def test_an_export_can_be_repeated_to_the_byte(exported, checkpoint_of, tmp_path):
    again = export(checkpoint_of("wordpiece"), tmp_path / "again", plan=Plan(masks=300, max_kl=1.0, rounds=0))
    assert again["files"] == exported[1]["files"]


def test_texts_of_the_user_are_verified_on(checkpoint_of, tmp_path):
    (tmp_path / "mine.txt").write_text("the house of the water\nthe light of the table\n")
    plan = Plan(texts=tmp_path / "mine.txt", masks=20, rounds=0)
    manifest = export(checkpoint_of("wordpiece"), tmp_path / "out", ("fp32",), plan=plan)
    assert manifest["verification"]["origin"] == "the lines of mine.txt"
    assert len(manifest["variants"]["fp32"]["expected"]) >= 2


def test_texts_longer_than_the_model_takes_are_verified_on_too(checkpoint_of, tmp_path):
    (tmp_path / "long.txt").write_text("the house of the water and the light of the table " * 20)
    plan = Plan(texts=tmp_path / "long.txt", masks=20, rounds=0)
    manifest = export(checkpoint_of("wordpiece"), tmp_path / "out", ("fp32",), plan=plan)
    assert manifest["variants"]["fp32"]["expected"]


@pytest.fixture
def protein_checkpoint(proteins, tmp_path):
    """A model of amino acids, which takes no more than 16 of them."""
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 64}
    config = BertConfig(vocab_size=14, max_position_embeddings=16, pad_token_id=1, **sizes)
    torch.manual_seed(0)
    BertForMaskedLM(config).save_pretrained(tmp_path / "proteins")
    proteins.save_pretrained(tmp_path / "proteins")
    return tmp_path / "proteins"


@pytest.mark.parametrize("lines", [None, "A C D E F G H I K\nA C D\n", "A C D E F G H I K " * 10])
def test_a_model_of_another_language_is_exported_whatever_its_texts_are(protein_checkpoint, tmp_path, lines):
    (tmp_path / "mine.txt").write_text(lines or "")
    plan = Plan(masks=20, rounds=0, texts=tmp_path / "mine.txt" if lines else None)
    export(protein_checkpoint, tmp_path / "out", ("fp32",), plan=plan)
    (check,) = verify(tmp_path / "out")
    assert check.passed
    assert check.texts >= 1


def test_the_checkpoints_own_card_is_kept_below(checkpoint_copy, tmp_path):
    (checkpoint_copy / "README.md").write_text("---\nlicense: mit\n---\n# A tiny model\n")
    export(checkpoint_copy, tmp_path / "out", ("fp32",), plan=FEW)
    assert "### A tiny model" in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_a_checkpoints_card_that_is_not_utf8_does_not_stop_the_export(checkpoint_copy, tmp_path):
    (checkpoint_copy / "README.md").write_bytes("# Größe".encode("latin-1"))
    export(checkpoint_copy, tmp_path / "out", ("fp32",), plan=FEW)
    assert (tmp_path / "out" / "README.md").exists()


def test_an_artifact_can_be_moved_and_opened_elsewhere(exported, tmp_path):
    moved = shutil.copytree(exported[0], tmp_path / "elsewhere")
    text = "The cat sleeps on the [MASK]."
    assert FillMask(moved, threads=1)(text) == FillMask(exported[0], threads=1)(text)


@pytest.mark.parametrize("name", fillmask_export.__all__)
def test_every_public_name_resolves(name):
    assert getattr(fillmask_export, name) is not None


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'fillmask_export' has no attribute 'Gate'"):
        fillmask_export.Gate  # noqa: B018 -- the subject of the test
