"""The suite of scores on workers that need no model, and its contenders on a small one."""

import numpy as np
import pytest

from benchmarks.contenders import scorers
from benchmarks.harness import rounds
from benchmarks.harness.result import SuiteResult
from benchmarks.models.folders import ModelFolders
from benchmarks.models.subjects import esm2_8m
from benchmarks.suites import score

TEXTS = ["the cat", "the dog sat"]
CASE = score.Case("original", ("minicons",), (1, 4), TEXTS, "texts/s", 2)
SECONDS = {"minicons": 8.0, "fillmask-fp32": 2.0, "fillmask-int8": 1.0, "fillmask-int8-again": 1.0}
SCORES = [[-1.0, -2.0], [-3.0, -0.5, -1.5]]


class FakeWorkers:
    """Contenders with fixed times; in batches of 4 the peers are twice as fast. ``off`` is added to their scores."""

    def __init__(self):
        self.failed, self.loaded = {"minicons-bf16": "it is not installed"}, list(SECONDS)
        self.settings = {name: {"threads": 2} for name in self.loaded}
        self.off = {}

    def call(self, name, command, *, texts, method, batch_size):
        assert (texts, method) == (TEXTS, "original")
        if command == "scores":
            return [[each + self.off.get(name, 0.0) for each in row] for row in SCORES]
        return SECONDS[name] * (0.5 if batch_size == 4 else 1.0)


@pytest.fixture
def workers(monkeypatch):
    monkeypatch.setattr(rounds, "MOST", 1)
    return FakeWorkers()


def measure(workers, case=CASE):
    result = SuiteResult({"rounds": 3})
    score.measure_case(result, workers, case)
    return result


def test_peers_run_in_their_best_batch_size(workers):
    result = measure(workers)
    rows = {row.contender: row for row in result.rows}
    assert rows["minicons"].samples == [0.5] * 3
    assert rows["minicons"].settings["batch_size"] == 4
    assert (rows["minicons"].precision, rows["fillmask-int8"].precision) == ("fp32", "int8")
    assert rows["minicons-bf16"].failed == "it is not installed"
    ratios = {(each.contender, each.baseline): each.ratio for each in result.comparisons}
    assert ratios["fillmask-int8", "minicons"] == 4.0
    assert ratios["fillmask-fp32", "minicons"] == 2.0
    assert result.gate is None


def test_without_the_log_probabilities_of_the_reference_there_are_no_speeds(workers):
    workers.off = {"fillmask-fp32": 2e-4}
    assert "differ from minicons's by up to 2.0e-04" in measure(workers).gate


def test_int8_says_how_far_it_is_from_the_reference(workers):
    workers.off = {"fillmask-int8": -0.25}
    result = measure(workers)
    (row,) = [row for row in result.rows if row.contender == "fillmask-int8"]
    assert row.settings["mean_difference"] == pytest.approx(0.25)
    assert result.gate is None


def test_the_sentences_are_sorted_and_as_many_as_the_rate_counts():
    case = score.sentences()
    assert case.texts == sorted(case.texts, key=len)
    assert len(set(case.texts)) == len(case.texts) == case.total


def test_the_protein_has_its_residues(tmp_path):
    file = tmp_path / "chains.txt"
    file.write_text("\n".join([" ".join("EVQLV" * 24)] * 5) + "\n")
    case = score.protein(ModelFolders("antiberty", tmp_path, tmp_path, tmp_path, trained=True, texts=file))
    assert [len(text.split()) for text in case.texts] == [250]
    assert case.total == scorers.MATRIX_ROWS


@pytest.fixture(scope="module")
def export_of(tmp_path_factory):
    """Exports a checkpoint in fp32."""
    pytest.importorskip("torch")
    from fillmask_export import Plan, export

    def made(name, checkpoint):
        artifact = tmp_path_factory.mktemp(name) / "artifact"
        export(checkpoint, artifact, ("fp32",), plan=Plan(masks=20, rounds=0))
        return ModelFolders(name, checkpoint, artifact, artifact, trained=False)

    return made


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_matrix_is_that_of_the_loop(export_of, tmp_path, monkeypatch):
    esm2_8m(tmp_path)
    folders, text = export_of("esm2-8m", tmp_path), "M K T A Y I A K Q R"
    monkeypatch.setattr(scorers, "MATRIX_ROWS", 7)
    (ours,) = scorers.FillMaskScorer(folders, 2, "fp32").score([text], scorers.MATRIX, 1)
    for batch_size in (3, 32):
        (theirs,) = scorers.Loop(folders, 2, "fp32").score([text], scorers.MATRIX, batch_size)
        assert len(theirs) == 7 * 20
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", ["original", "word_l2r"])
def test_sentences_are_scored_as_minicons_scores_them(export_of, checkpoint_of, method):
    pytest.importorskip("minicons")
    folders = export_of("minilm", checkpoint_of("wordpiece"))
    texts = ["the cat", "the unbelievable dog sat.", "It isn't here, is it?"]
    ours = scorers.FillMaskScorer(folders, 2, "fp32").score(texts, method, 1)
    theirs = scorers.Minicons(folders, 2, "fp32").score(texts, method, 2)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)
