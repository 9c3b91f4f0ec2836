"""Every contender on one small checkpoint: all of them answer as transformers' pipeline does."""

import pytest

from benchmarks import contenders
from benchmarks.models import making
from benchmarks.models.texts import Writer
from fillmask.environment import cpu_flags

for package in ("optimum.onnxruntime", "nncf", "openvino"):  # which its folders are made with
    pytest.importorskip(package)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

NAMES = [name for name in contenders.names() if name != contenders.REFERENCE]
WITHIN = {"fp32": 1e-5, "bf16": 0.05, "int8": 0.1}
if "vnni" not in " ".join(cpu_flags()):  # OpenVINO's int8 of this small random model then differs by 0.2
    WITHIN["openvino-int8"] = 0.3


@pytest.fixture(scope="module")
def folders(checkpoint_of, tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setattr(making, "BUILT", tmp_path_factory.mktemp("built"))
    checkpoint = checkpoint_of("wordpiece")
    making.make("minilm", checkpoint, None)
    yield making.folders_of("minilm", checkpoint)
    patch.undo()


@pytest.fixture(scope="module")
def texts(folders):
    return Writer(folders.artifact, "[MASK]").mix(12)


@pytest.fixture(scope="module")
def reference(folders, texts):
    return contenders.open_contender(contenders.REFERENCE, folders, 1).predict(texts)


def test_what_is_there_is_not_made_again(folders, monkeypatch):
    monkeypatch.setattr(making, "ProcessPoolExecutor", lambda *_: pytest.fail("it is made again"))
    assert making.prepare("minilm", folders.checkpoint, None) == folders


def test_an_artifact_of_another_exporter_is_not_taken(folders, monkeypatch):
    monkeypatch.setattr(making, "_exporter", lambda: "changed")
    assert not making.folders_of("minilm", folders.checkpoint).artifact.exists()


def load(name, folders):
    try:
        return contenders.open_contender(name, folders, 1)
    except RuntimeError as error:
        if "this CPU has no bf16" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize("name", NAMES)
def test_it_scores_as_the_reference_does(name, folders, texts, reference):
    within = WITHIN.get(name, WITHIN[contenders.precision_of(name)])
    for ours, theirs in zip(load(name, folders).predict(texts), reference, strict=True):
        scores = dict(theirs)
        assert len(ours) == contenders.TOP_K
        assert any(token in scores for token, _ in ours)
        assert all(abs(score - scores[token]) <= within for token, score in ours if token in scores)


@pytest.mark.parametrize(
    ("name", "way"),
    [("transformers", (4, 1)), ("optimum-fp32", (4, 1)), ("openvino-fp32", (1, 2)), ("fillmask-fp32", (4, 2))],
)
def test_batches_answer_in_the_order_of_the_texts(name, way, folders, texts, reference):
    answers = load(name, folders).predict(texts, *way)
    assert [answer[0][0] for answer in answers] == [answer[0][0] for answer in reference]
