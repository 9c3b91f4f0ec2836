import pytest
from transformers import AutoTokenizer

from fillmask_export import ExportError, Plan
from fillmask_export.probes import make_masked_texts, make_probes
from fillmask_export.verify.eval_data import load_eval_data


@pytest.fixture
def tokenizer(checkpoint_of):
    return AutoTokenizer.from_pretrained(checkpoint_of("wordpiece"))


@pytest.fixture
def files(tmp_path):
    for name, line in {"calibration.txt": "the house of the water", "held.txt": "the light of the table"}.items():
        (tmp_path / name).write_text(line)
    return {"calibration": tmp_path / "calibration.txt", "texts": tmp_path / "held.txt"}


def test_calibration_and_verification_have_texts_of_their_own(tokenizer, files):
    eval_data = load_eval_data(tokenizer, Plan(masks=20, **files), 64)
    assert eval_data.calibration.origin == "the lines of calibration.txt"
    assert eval_data.held_out.origin == "the lines of held.txt"
    line = tokenizer("the house of the water")["input_ids"]
    assert [probe.input_ids.size for probe in eval_data.calibration.probes] == [len(line), *[64] * 4]
    assert 20 <= eval_data.masks == sum(probe.labels.size for probe in eval_data.held_out.probes) < 24


def test_a_few_texts_are_as_long_as_the_model_takes(tokenizer, files):
    eval_data = load_eval_data(tokenizer, Plan(masks=20, **files), 64)
    assert [probe.input_ids.size for probe in eval_data.long] == [64] * 4
    assert {
        probe.input_ids.size for probe in load_eval_data(tokenizer, Plan(masks=20), 64).calibration.probes[-4:]
    } == {64}


def test_fp16_sees_long_texts_though_many_are_short(tokenizer, files):
    for file in files.values():
        file.write_text("the light of the table\n" * 100)
    eval_data = load_eval_data(tokenizer, Plan(masks=200, **files), 300)
    short = len(tokenizer("the light of the table")["input_ids"])
    texts = [short] * 64 + [300] * 4
    random = [probe.input_ids.size for probe in eval_data.random]
    assert [probe.input_ids.size for probe in eval_data.for_ranges] == texts + random
    assert [probe.input_ids.size for probe in eval_data.for_tensors] == random + texts


def test_without_files_all_is_built_in(tokenizer):
    eval_data = load_eval_data(tokenizer, Plan(masks=20), 64)
    expected = make_probes(tokenizer, None, 20, 64)
    assert eval_data.held_out.origin == expected.origin
    assert eval_data.masked_texts == make_masked_texts(tokenizer, None)
    assert len(eval_data.random) == 32


def test_a_file_without_texts_is_an_error(tokenizer, tmp_path):
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(ExportError, match=r"empty\.txt holds no text"):
        load_eval_data(tokenizer, Plan(calibration=tmp_path / "empty.txt"), 64)
