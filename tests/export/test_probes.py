import numpy as np
import pytest
from transformers import AutoTokenizer

from fillmask_export.errors import ExportError
from fillmask_export.probes import long_probes, make_masked_texts, make_probes, random_probes, read_texts

ENGLISH = "fillmask's built-in English sentences"
RANDOM = "random tokens, since English is not this model's language"


@pytest.fixture
def tokenizer(checkpoint):
    return AutoTokenizer.from_pretrained(checkpoint)


def same(one, other):
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for a, b in zip(one.probes, other.probes, strict=True)
        for name in ("input_ids", "positions", "labels")
    )


def written(folder, *lines):
    path = folder / "texts.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_the_same_probes_come_each_time(tokenizer):
    assert same(make_probes(tokenizer, None, 300, 64), make_probes(tokenizer, None, 300, 64))


@pytest.mark.parametrize("masks", [1, 50, 2000])
def test_there_are_as_many_masks_as_wanted_and_hardly_more(tokenizer, masks):
    made = [probe.labels.size for probe in make_probes(tokenizer, None, masks, 64).probes]
    assert masks <= sum(made) < masks + max(made)


def test_texts_are_masked_anew_when_they_come_again(tokenizer, tmp_path):
    path = written(tmp_path, "The old bridge across the river was closed to traffic after the storm.")
    probes = make_probes(tokenizer, path, 60, 64).probes
    assert len({tuple(probe.positions) for probe in probes}) > 1


def test_masks_stand_where_the_probe_says_and_nowhere_else(tokenizer):
    for probe in make_probes(tokenizer, None, 300, 64).probes:
        masked = np.flatnonzero(probe.input_ids == tokenizer.mask_token_id)
        np.testing.assert_array_equal(masked, probe.positions)
        assert np.all(np.diff(probe.positions) > 0)


def test_labels_are_the_tokens_of_the_text(tokenizer, tmp_path):
    text = "the house of the water"
    (ids,) = tokenizer([text])["input_ids"]
    for probe in make_probes(tokenizer, written(tmp_path, text), 30, 64).probes:
        restored = probe.input_ids.copy()
        restored[probe.positions] = probe.labels
        assert restored.tolist() == ids


def test_special_tokens_are_never_masked(tokenizer, tmp_path):
    # The second text holds what no family knows, so unknown tokens too, and special tokens as a user may write them.
    path = written(tmp_path, "The cat sleeps.", "鬱龘 a [SEP] </s> [PAD] <pad> [MASK] <mask> cat")
    labels = np.concatenate([probe.labels for probe in make_probes(tokenizer, path, 200, 64).probes])
    assert not set(labels.tolist()) & set(tokenizer.all_special_ids)


def test_a_probe_is_no_longer_than_the_model_takes(tokenizer, tmp_path):
    path = written(tmp_path, "the house of the water " * 100)
    lengths = [probe.input_ids.size for limit in (20, 512) for probe in make_probes(tokenizer, path, 5, limit).probes]
    assert set(lengths) == {20, 128}


@pytest.mark.parametrize("lines", [["the cat sleeps"], ["a"] * 300, ["the house of the water " * 100]])
@pytest.mark.parametrize("limit", [20, 512])
def test_long_probes_are_as_long_as_the_model_takes_however_short_the_texts(tokenizer, tmp_path, lines, limit):
    probes = long_probes(tokenizer, written(tmp_path, *lines), limit)
    assert [probe.input_ids.size for probe in probes] == [limit] * 4


def test_long_probes_have_at_most_1024_tokens_of_the_built_in_texts_too(tokenizer):
    assert [probe.input_ids.size for probe in long_probes(tokenizer, None, 4096)] == [1024] * 4


def test_long_probes_begin_at_texts_far_apart(tokenizer, tmp_path):
    probes = long_probes(tokenizer, written(tmp_path, *["the"] * 300, *["water"] * 300), 64)
    assert len({tuple(probe.unmasked().input_ids) for probe in probes}) == 2


def test_the_origin_names_the_file_without_its_folder(tokenizer, tmp_path):
    assert make_probes(tokenizer, None, 10, 64).origin == ENGLISH
    assert make_probes(tokenizer, written(tmp_path, "the house"), 10, 64).origin == "the lines of texts.txt"


def test_a_model_of_another_language_is_probed_with_random_tokens_and_says_so(proteins):
    made = make_probes(proteins, None, 200, 64)
    assert made.origin == RANDOM
    for probe in made.probes:
        assert (probe.input_ids[0], probe.input_ids[-1]) == (0, 2)
        assert probe.input_ids.size <= 64
        assert set(probe.labels.tolist()) <= set(range(5, 14))
    assert same(made, make_probes(proteins, None, 200, 64))


def test_random_tokens_fit_a_model_of_very_short_texts(proteins):
    assert max(probe.input_ids.size for probe in make_probes(proteins, None, 50, 8).probes) <= 8


def test_texts_of_the_user_are_used_for_a_model_of_another_language(proteins, tmp_path):
    made = make_probes(proteins, written(tmp_path, "A C D E F", "G H I K"), 20, 64)
    assert made.origin == "the lines of texts.txt"


def test_texts_that_hold_no_token_of_the_model_are_refused(proteins, tmp_path):
    with pytest.raises(ExportError, match="hold no token of the model; give texts it was made for"):
        make_probes(proteins, written(tmp_path, "Wer reitet so spät", "durch Nacht und Wind?"), 20, 64)


def test_lines_are_stripped_and_empty_ones_left_out(tmp_path):
    assert read_texts(written(tmp_path, "  one ", "", "\t", "two\r")) == ["one", "two"]


def test_the_built_in_texts_are_english_sentences():
    texts = read_texts(None)
    assert len(texts) >= 50
    assert len(set(texts)) == len(texts)
    assert all(text.isascii() and text.endswith((".", "?", "!")) for text in texts)


@pytest.mark.parametrize("content", [b"", b"\n \t\n"])
def test_a_file_without_text_is_refused_with_its_path(tmp_path, content):
    (tmp_path / "texts.txt").write_bytes(content)
    with pytest.raises(ExportError, match=r"texts\.txt holds no text; give one text a line"):
        read_texts(tmp_path / "texts.txt")


def test_a_file_that_cannot_be_read_is_refused_with_its_path(tmp_path):
    (tmp_path / "latin-1.txt").write_bytes("spät".encode("latin-1"))
    for name in ("latin-1.txt", "missing.txt", "."):
        with pytest.raises(ExportError, match=f"{tmp_path / name} cannot be read as UTF-8 text: "):
            read_texts(tmp_path / name)


def test_masked_texts_are_short_english_sentences_with_one_mask_each(tokenizer):
    masked_texts = make_masked_texts(tokenizer, None)
    assert len(masked_texts) == len(set(masked_texts)) == 8
    assert masked_texts == make_masked_texts(tokenizer, None)
    shortest = sorted(read_texts(None), key=len)[:8]
    for masked_text, text in zip(masked_texts, shortest, strict=True):
        differing = [word for word, before in zip(masked_text.split(), text.split(), strict=True) if word != before]
        assert differing == [tokenizer.mask_token]


def test_masked_texts_for_a_model_of_another_language_are_texts_of_the_user(proteins, tmp_path):
    (first, second) = make_masked_texts(proteins, written(tmp_path, "A C D E F", "G H I K"))
    assert set(first.split()) - set("GHIK") == set(second.split()) - set("ACDEF") == {"<mask>"}


def test_masked_texts_for_a_model_of_another_language_without_texts_are_tokens_it_knows(proteins):
    for masked_text in make_masked_texts(proteins, None):
        assert masked_text.split().count("<mask>") == 1
        assert set(masked_text.split()) <= {*"ACDEFGHIK", "<mask>"}


def test_a_text_without_spaces_loses_a_character_to_the_mask_and_keeps_the_rest(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr("fillmask_export.probes._knows", lambda *_: False)
    (tmp_path / "proteins.txt").write_text("EVQLVESGGGLVQPG\nQVQLQESGPGLVKPS\n")
    mask = tokenizer.mask_token
    masked_texts = make_masked_texts(tokenizer, tmp_path / "proteins.txt")
    assert [(masked_text.count(mask), len(masked_text.replace(mask, ""))) for masked_text in masked_texts] == [
        (1, 14),
        (1, 14),
    ]


def test_a_text_of_the_user_with_one_mask_is_taken_as_it_is(proteins, tmp_path):
    path = written(tmp_path, "A <mask> D E F", "<mask> <mask>", "G H I")
    (plain, masked) = make_masked_texts(proteins, path)
    assert masked == "A <mask> D E F"
    assert plain.split().count("<mask>") == 1


def test_texts_that_all_hold_several_masks_are_refused(proteins, tmp_path):
    path = written(tmp_path, "A <mask> D <mask> F", "<mask> <mask>")
    with pytest.raises(ExportError, match=r"each line of .*texts\.txt holds several <mask>; give lines without masks"):
        make_masked_texts(proteins, path)


def test_random_texts_hold_no_special_tokens_but_masks_and_those_around(tokenizer):
    probes = random_probes(tokenizer, 64)
    frame = set(tokenizer(tokenizer.mask_token)["input_ids"])
    assert len(probes) == 32
    for probe in probes:
        assert probe.input_ids.size <= 64
        assert set(probe.input_ids.tolist()) & set(tokenizer.all_special_ids) <= frame
        assert not np.isin(probe.labels, tokenizer.all_special_ids).any()
    assert len(np.unique(np.concatenate([probe.input_ids for probe in probes]))) > 200


def test_the_same_random_texts_come_each_time(tokenizer):
    for one, other in zip(random_probes(tokenizer, 64), random_probes(tokenizer, 64), strict=True):
        np.testing.assert_array_equal(one.input_ids, other.input_ids)


def test_a_byte_order_mark_is_no_part_of_the_first_text(tmp_path):
    (tmp_path / "texts.txt").write_bytes(b"\xef\xbb\xbfone text\r\ntwo\n")
    assert read_texts(tmp_path / "texts.txt") == ["one text", "two"]
