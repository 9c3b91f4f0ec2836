import json
import math

import pytest

from fillmask import ArtifactError, FillMask, IntegrityError, verification
from fillmask.artifact.folder import open_artifact
from fillmask.verification import Check, best, verify
from tests.support import toys

TEXTS = ["the [MASK] sat on the mat.", "[MASK]", "paris is the [MASK] of france."]


def store_expected(folder):
    """Store what each variant predicts, as the exporter does."""
    variants = toys.variants(folder)
    for name, entry in variants.items():
        fill_mask = FillMask(folder, variant=name, threads=1)
        expected = [expect(text, fill_mask.predict(text)[0]) for text in TEXTS]
        entry |= {"tolerance": 1e-4, "expected": expected}
    toys.write_manifest(folder, variants=variants)
    return folder


def expect(text, row):
    return {"text": text, "tokens": [each.token for each in row], "scores": [each.score for each in row]}


def edit(folder, change):
    """Change a variant's entry in the manifest."""
    path = folder / "fillmask.json"
    manifest = json.loads(path.read_text())
    change(manifest["variants"]["int8"])
    path.write_text(json.dumps(manifest))


@pytest.fixture
def artifact(native_copy):
    return store_expected(native_copy)


def check(passed=True, latency_ms=1.0, variant="fp32"):
    return Check(variant, 8, 0.0 if passed else 1.0, 1e-4, latency_ms)


def test_an_artifact_that_predicts_as_it_did_passes(artifact):
    checks = verify(artifact)
    assert [each.variant for each in checks] == ["fp32", "int8"]
    assert all(each.passed for each in checks)
    assert {each.texts for each in checks} == {3}
    assert {each.max_score_difference for each in checks} == {0.0}
    assert all(each.latency_ms > 0 for each in checks)
    assert {(each.error, each.providers) for each in checks} == {(None, ("CPUExecutionProvider",))}


def test_a_score_that_differs_by_more_than_the_tolerance_fails_its_variant_only(artifact):
    def lower(entry):
        entry["expected"][1]["scores"][0] -= 0.001

    edit(artifact, lower)
    fp32, int8 = verify(artifact)
    assert (fp32.passed, int8.passed) == (True, False)
    assert int8.max_score_difference == pytest.approx(0.001, rel=1e-3)


def test_a_score_that_differs_by_less_than_the_tolerance_passes(artifact):
    def lower(entry):
        entry["expected"][1]["scores"][0] -= 0.00005

    edit(artifact, lower)
    assert all(each.passed for each in verify(artifact))


def test_another_order_of_equal_scores_passes(artifact):
    def turn(entry):
        for key in ("tokens", "scores"):
            entry["expected"][0][key].reverse()

    edit(artifact, turn)
    assert all(each.passed for each in verify(artifact))


def test_a_token_that_is_no_longer_among_the_best_counts_with_its_whole_score(artifact):
    def exchange(entry):
        entry["expected"][0]["tokens"][0] = 10**6

    edit(artifact, exchange)
    score = json.loads((artifact / "fillmask.json").read_text())["variants"]["int8"]["expected"][0]["scores"][0]
    assert verify(artifact)[1].max_score_difference == score > 0.01


def test_a_tolerance_that_is_no_number_passes_nothing(artifact):
    edit(artifact, lambda entry: entry.update(tolerance=math.nan))
    assert [each.passed for each in verify(artifact)] == [True, False]


@pytest.mark.parametrize("name", ["model_int8.onnx", "model_fp32.onnx", "tokenizer.json", "config.json"])
def test_every_file_is_hashed_even_those_that_no_variant_reads(artifact, name):
    (artifact / name).write_bytes((artifact / name).read_bytes() + b" ")
    with pytest.raises(IntegrityError, match=f"{name} is not the file that fillmask.json lists"):
        verify(artifact)


def test_a_listed_file_that_nothing_reads_is_hashed_too(native_copy):
    (native_copy / "notes.txt").write_text("read me")
    store_expected(native_copy)
    (native_copy / "notes.txt").write_text("read me not")
    with pytest.raises(IntegrityError, match=r"notes\.txt is not the file"):
        verify(native_copy)


def test_a_listed_file_that_is_empty_as_it_was_exported_is_intact(native_copy):
    (native_copy / "notes.txt").touch()
    assert all(each.passed for each in verify(store_expected(native_copy)))


def test_a_variant_whose_graph_the_manifest_does_not_list_is_an_error_rather_than_left_out(artifact):
    path = artifact / "fillmask.json"
    manifest = json.loads(path.read_text())
    del manifest["files"]["model_int8.onnx"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(IntegrityError, match=r"model_int8\.onnx is not listed in fillmask\.json"):
        verify(artifact)


def of_the_hub(artifact, monkeypatch):
    """The same model, as one of the hub's cache."""
    opened = open_artifact(artifact)._replace(source="org/name", revision="0123")
    monkeypatch.setattr(verification, "open_artifact", lambda _: opened)


def test_of_a_hub_model_the_variants_in_the_cache_are_verified(artifact, monkeypatch):
    of_the_hub(artifact, monkeypatch)
    (artifact / "model_int8.onnx").unlink()
    assert [each.variant for each in verify("org/name")] == ["fp32"]


def test_a_hub_model_without_a_variant_in_the_cache_is_an_error_rather_than_no_checks(artifact, monkeypatch):
    of_the_hub(artifact, monkeypatch)
    for graph in artifact.glob("*.onnx"):
        graph.unlink()
    with pytest.raises(ArtifactError, match=r"nothing was verified, .* `fillmask pull org/name --revision 0123 --var"):
        verify("org/name")


def test_providers_can_be_chosen(artifact):
    fp32, int8 = verify(artifact, providers=["NoneExecutionProvider"])
    assert "'NoneExecutionProvider' is not in this ONNX Runtime" in fp32.error == int8.error


def test_random_texts_run_alone_and_beside_padding(artifact):
    fp32, int8 = verify(artifact, batch_texts=24)
    assert {each.batch_texts for each in (fp32, int8)} == {24}
    assert max(each.batch_difference for each in (fp32, int8)) <= 1e-5


def test_a_variant_whose_scores_padding_moves_here_fails(artifact, monkeypatch):
    monkeypatch.setattr(verification, "random_difference", lambda *_: 3e-3)
    fp32, _ = verify(artifact)
    assert (fp32.predicts, fp32.batches, fp32.passed) == (True, False, False)


def test_the_manifest_may_allow_more_beside_padding(artifact, monkeypatch):
    monkeypatch.setattr(verification, "random_difference", lambda *_: 3e-3)
    edit(artifact, lambda entry: entry.update(batch_tolerance=5e-3))
    assert [each.passed for each in verify(artifact)] == [False, True]


def test_a_variant_that_promises_no_equal_scores_is_not_tried_beside_padding(artifact):
    edit(artifact, lambda entry: entry.update(batch_invariant=False))
    _, int8 = verify(artifact)
    assert (int8.batch_difference, int8.batch_texts, int8.passed) == (None, 0, True)


def test_a_foreign_folder_has_nothing_to_verify_against(foreign_folder):
    with pytest.raises(ArtifactError, match=r"has no fillmask\.json, so nothing to verify against; export it"):
        verify(foreign_folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry.pop("expected"),
        lambda entry: entry.pop("tolerance"),
        lambda entry: entry.update(expected=[]),
        lambda entry: entry["expected"][0].pop("text"),
        lambda entry: entry["expected"][0]["scores"].pop(),
        lambda entry: entry["expected"][0].update(tokens=[], scores=[]),
        lambda entry: entry.update(tolerance="0.1"),
        lambda entry: entry.update(tolerance=math.inf),
        lambda entry: entry.update(batch_tolerance=None),
        lambda entry: entry.update(batch_tolerance="1e-5"),
        lambda entry: entry.update(batch_tolerance=1e9),
        lambda entry: entry["expected"][0]["scores"].__setitem__(1, math.nan),
        lambda entry: entry["expected"][0]["scores"].__setitem__(1, 10**400),
        lambda entry: entry["expected"][0]["tokens"].__setitem__(1, []),
    ],
    ids=[
        *("none", "no tolerance", "none of them", "no text", "a score short", "no tokens", "a word"),
        *("all allowed", "no number for batches", "a word for batches", "all allowed in batches"),
        *("NaN", "a huge number", "a list"),
    ],
)
def test_a_manifest_without_predictions_to_compare_with_is_refused(artifact, change):
    edit(artifact, change)
    with pytest.raises(ArtifactError, match=r"int8|fillmask\.json"):
        verify(artifact)


def test_a_variant_that_does_not_run_here_is_a_finding_and_the_others_are_checked(artifact):
    graph = artifact / "model_int8.onnx"
    content = graph.read_bytes()
    graph.write_bytes(content.replace(b"input_ids", b"input_idz"))
    assert graph.read_bytes() != content
    manifest = json.loads((artifact / "fillmask.json").read_text())
    toys.write_manifest(artifact, variants=manifest["variants"])
    fp32, int8 = verify(artifact)
    assert fp32.passed
    assert not int8.passed
    assert (int8.texts, int8.max_score_difference, int8.latency_ms) == (0, None, None)
    assert "input_idz" in int8.error
    assert best([fp32, int8]).variant == "fp32"


def test_a_latency_is_the_median_over_rounds_of_all_texts(artifact, monkeypatch):
    predicted = []
    monkeypatch.setattr(verification.FillMask, "predict", counting(predicted, verification.FillMask.predict))
    verify(artifact)
    assert predicted == [*TEXTS * 4, *TEXTS * 4]


def counting(predicted, predict):
    def record(self, text, **options):
        predicted.append(text)
        return predict(self, text, **options)

    return record


def test_manifests_of_older_exports_are_verified_too(artifact):
    def rename(entry):
        entry["answers"] = entry.pop("expected")
        entry["answers"][1]["scores"][0] -= 0.001

    edit(artifact, rename)
    fp32, int8 = verify(artifact)
    assert (fp32.texts, int8.texts) == (3, 3)
    assert (fp32.passed, int8.passed) == (True, False)
    assert int8.max_score_difference == pytest.approx(0.001, rel=1e-3)


def test_a_manifest_without_latencies_is_verified(artifact):
    assert not any(
        "latency_ms" in entry for entry in json.loads((artifact / "fillmask.json").read_text())["variants"].values()
    )
    assert all(each.passed for each in verify(artifact))


def test_the_best_variant_is_the_fastest_of_those_that_passed():
    checks = [check(latency_ms=3.0), check(latency_ms=2.0, variant="int8"), check(False, 1.0, "q4")]
    assert best(checks).variant == "int8"


@pytest.mark.parametrize("checks", [[], [check(False)]])
def test_there_is_no_best_variant_where_none_passed(checks):
    assert best(checks) is None
