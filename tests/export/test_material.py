import pytest
from transformers import AutoTokenizer

from fillmask_export import ExportError, Plan
from fillmask_export.material import gather
from fillmask_export.probes import make_probes, make_questions


@pytest.fixture
def tokenizer(checkpoint_of):
    return AutoTokenizer.from_pretrained(checkpoint_of("wordpiece"))


@pytest.fixture
def files(tmp_path):
    for name, line in {"typical.txt": "the house of the water", "held.txt": "the light of the table"}.items():
        (tmp_path / name).write_text(line)
    return {"calibration": tmp_path / "typical.txt", "texts": tmp_path / "held.txt"}


def test_calibration_and_verification_have_texts_of_their_own(tokenizer, files):
    material = gather(tokenizer, Plan(masks=20, **files), 64)
    assert material.typical.origin == "the lines of typical.txt"
    assert material.held_out.origin == "the lines of held.txt"
    assert [probe.input_ids.size for probe in material.typical.probes] == [
        material.typical.probes[0].input_ids.size
    ] * 5
    assert 20 <= material.masks == sum(probe.labels.size for probe in material.held_out.probes) < 24


def test_a_few_texts_are_as_long_as_the_model_takes(tokenizer, files):
    files["texts"].write_text("the light of the table and the water of the house\n" * 60)
    material = gather(tokenizer, Plan(masks=20, **files), 64)
    assert [probe.input_ids.size for probe in material.long] == [64] * 4
    assert {probe.input_ids.size for probe in gather(tokenizer, Plan(masks=20), 64).typical.probes[-4:]} == {64}


def test_without_files_all_is_built_in(tokenizer):
    material = gather(tokenizer, Plan(masks=20), 64)
    expected = make_probes(tokenizer, None, 20, 64)
    assert material.held_out.origin == expected.origin
    assert material.questions == make_questions(tokenizer, None)
    assert len(material.random) == 32


def test_a_file_without_texts_is_an_error(tokenizer, tmp_path):
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(ExportError, match=r"empty\.txt holds no text"):
        gather(tokenizer, Plan(calibration=tmp_path / "empty.txt"), 64)
