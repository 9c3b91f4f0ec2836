import math
import re
from pathlib import Path

import pytest

from fillmask import FillMask
from fillmask.artifact.folder import open_artifact
from fillmask.artifact.tokenizer import _COMPUTED_POSITIONS, _OFFSET_POSITIONS, max_length, open_tokenizer
from fillmask.errors import ArtifactError
from tests.support import toys


@pytest.fixture
def opened(tmp_path):
    """Open the tokenizer of a folder written with these settings."""

    def open_with(**kwargs):
        return open_tokenizer(open_artifact(toys.write_foreign(tmp_path / "model", **kwargs)))

    return open_with


def test_the_settings_of_a_folder_are_read(tokenizer):
    assert (tokenizer.mask_token, tokenizer.mask_token_id, tokenizer.pad_token_id) == ("[MASK]", 4, 0)
    assert tokenizer.max_length == toys.MAX_LENGTH
    assert tokenizer.clean_up is False


def test_a_mask_token_may_be_written_as_an_object(opened):
    assert opened(settings={"mask_token": {"content": "[MASK]", "lstrip": True}}).mask_token_id == 4


def test_the_special_tokens_map_is_read_where_the_configuration_says_nothing(foreign_copy):
    (foreign_copy / "tokenizer_config.json").write_text("{}")
    (foreign_copy / "special_tokens_map.json").write_text('{"mask_token": "[MASK]", "pad_token": "[SEP]"}')
    tokenizer = open_tokenizer(open_artifact(foreign_copy))
    assert (tokenizer.mask_token_id, tokenizer.pad_token_id) == (4, 3)


@pytest.mark.parametrize("size", [toys.VOCAB_SIZE - 9, toys.VOCAB_SIZE + 9])
def test_the_models_vocabulary_is_the_graphs_whatever_the_tokenizer_has(tmp_path, size):
    # A model may score fewer tokens than its tokenizer has, or more: rows are often padded to a multiple of 64.
    graph = toys.foreign_graph(toys.tables(size=toys.VOCAB_SIZE + 9)[:, :, :size])
    folder = toys.write_foreign(tmp_path / "model", {"model.onnx": graph})
    for config in ('{"vocab_size": 1000}', '{"vocab_size": "many"}', "{}"):
        (folder / "config.json").write_text(config)
        assert FillMask(folder, threads=1).vocab_size == size


def test_a_folder_may_lack_its_configuration(foreign_copy):
    (foreign_copy / "config.json").unlink()
    engine = FillMask(foreign_copy, threads=1)
    assert (engine.vocab_size, engine.max_length) == (toys.VOCAB_SIZE, toys.MAX_LENGTH)


def test_clean_up_is_read(opened):
    assert opened(settings={"clean_up_tokenization_spaces": True}).clean_up is True


@pytest.mark.parametrize("forced", [False, True])
def test_texts_of_bpe_are_cleaned_up_if_forced_only(opened, forced):
    key = "clean_up_tokenization_spaces"
    settings = {"mask_token": "<mask>", key: True, f"{key}_for_bpe_even_though_it_will_corrupt_output": forced}
    assert opened(tokenizer=toys.byte_level(), settings=settings).clean_up is forced


def test_a_model_without_padding_loses_no_token_from_its_sequences(tmp_path):
    # transformers compares with None there, which drops nothing; id 0 may be a word.
    folder = toys.write_foreign(tmp_path / "model", settings={"pad_token": None})
    (first, _) = FillMask(folder, threads=1).predict("[PAD] [MASK] [MASK]", top_k=1)
    assert first[0].sequence.startswith("[CLS] [PAD]")


def test_truncation_and_padding_stored_in_the_tokenizer_are_forgotten(opened):
    tokenizer = toys.word_piece()
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=50)
    assert len(opened(tokenizer=tokenizer).tokenizer.encode("cat dog cat dog").ids) == 6


def test_added_tokens_of_the_configuration_are_added_as_transformers_adds_them(opened):
    entry = {"content": "<new>", "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    tokenizer = opened(settings={"added_tokens_decoder": {str(toys.VOCAB_SIZE): entry}})
    assert tokenizer.tokenizer.encode("cat<new>").tokens == ["[CLS]", "cat", "<new>", "[SEP]"]


def test_the_flags_of_a_known_token_are_the_configurations(opened):
    entry = {"content": "[MASK]", "lstrip": True, "rstrip": False, "normalized": False, "special": True}
    added = opened(settings={"added_tokens_decoder": {"4": entry}}).tokenizer.get_added_tokens_decoder()
    assert added[4].lstrip


@pytest.mark.parametrize(
    ("settings", "config"),
    [
        ({"tokenizer_class": "RoFormerTokenizer"}, {}),
        ({"tokenizer_class": "RoFormerTokenizerFast"}, {"model_type": "bert"}),
        ({}, {"tokenizer_class": "RoFormerTokenizer"}),
        ({}, {"model_type": "roformer"}),
    ],
)
def test_a_class_that_splits_texts_by_code_is_refused(opened, settings, config):
    with pytest.raises(ArtifactError, match=r"model: transformers splits texts for this tokenizer with jieba, which "):
        opened(settings=settings, config=config)


@pytest.mark.parametrize("named", ["BertTokenizer", "BertTokenizerFast", "TokenizersBackend"])
def test_a_model_with_another_tokenizer_than_its_types_is_read(opened, named):
    found = opened(settings={"tokenizer_class": named}, config={"model_type": "roformer"})
    assert found.tokenizer.encode("the cat").tokens == ["[CLS]", "the", "cat", "[SEP]"]


@pytest.mark.parametrize("mask", [None, "", 4, [], {}, {"content": None}])
def test_a_tokenizer_without_a_mask_token_is_refused_in_transformers_words(opened, mask):
    with pytest.raises(ArtifactError, match=r"The tokenizer does not define a `mask_token`\."):
        opened(settings={"mask_token": mask})


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"null", b"\x00\xff\xfe", b'{"version": "1.0"', b'{"model": {"type": "Nope"}}', b"[" * 5000],
)
def test_a_tokenizer_that_is_garbage_is_refused_with_its_path(foreign_copy, content):
    (foreign_copy / "tokenizer.json").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"tokenizer\.json is not a tokenizer: "):
        FillMask(foreign_copy)


def test_a_folder_without_a_tokenizer_is_told_where_one_comes_from(foreign_copy):
    (foreign_copy / "tokenizer.json").unlink()
    with pytest.raises(ArtifactError, match=r"foreign has no tokenizer\.json, .*`fillmask export`.*save_pretrained"):
        FillMask(foreign_copy, threads=1)


def test_a_tokenizer_cut_off_anywhere_is_refused(foreign_copy):
    path = foreign_copy / "tokenizer.json"
    content = path.read_bytes()
    for length in range(0, len(content), len(content) // 20):
        path.write_bytes(content[:length])
        with pytest.raises(ArtifactError, match="is not a tokenizer"):
            open_tokenizer(open_artifact(foreign_copy))


def test_a_tokenizer_that_makes_the_library_panic_is_refused(foreign_copy, monkeypatch):
    panic = type("PanicException", (BaseException,), {})

    def panicking(_):
        raise panic("called `Option::unwrap()` on a `None` value")

    monkeypatch.setattr("fillmask.artifact.tokenizer.Tokenizer.from_buffer", panicking)
    with pytest.raises(ArtifactError, match="is not a tokenizer: called `Option::unwrap"):
        open_tokenizer(open_artifact(foreign_copy))


def test_an_interrupt_while_loading_is_not_swallowed(foreign_copy, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("fillmask.artifact.tokenizer.Tokenizer.from_buffer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_tokenizer(open_artifact(foreign_copy))


@pytest.mark.parametrize(
    ("settings", "config", "tokens"),
    [
        ({"model_max_length": 512}, {}, 512),
        ({"model_max_length": 10**30}, {"max_position_embeddings": 512}, 512),
        ({"model_max_length": math.inf}, {"max_position_embeddings": 512}, 512),
        ({"model_max_length": 64.0}, {}, 64),
        ({"model_max_length": 128}, {"max_position_embeddings": 512}, 128),
        ({}, {"max_position_embeddings": 512, "model_type": "bert"}, 512),
        ({}, {"max_position_embeddings": 514, "model_type": "roberta", "pad_token_id": 1}, 512),
        ({"model_max_length": 514}, {"max_position_embeddings": 514, "model_type": "mpnet", "pad_token_id": 1}, 512),
        ({"model_max_length": None}, {"max_position_embeddings": None}, 10**9),
        ({"model_max_length": 512}, {"max_position_embeddings": -1}, 512),
        ({"model_max_length": -1}, {"max_position_embeddings": 512}, 512),
    ],
)
def test_a_model_takes_what_both_its_tokenizer_and_its_positions_allow(settings, config, tokens):
    assert max_length(settings, config) == tokens


@pytest.mark.parametrize("name", ["tokenizer_config.json", "config.json", "special_tokens_map.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", "3", "\x00"])
def test_settings_that_are_no_json_object_are_refused_with_their_path(foreign_copy, name, content):
    (foreign_copy / name).write_text(content)
    with pytest.raises(ArtifactError, match=rf"{name} (is not JSON|must hold a JSON object)"):
        FillMask(foreign_copy)


@pytest.mark.parametrize(
    ("settings", "config"),
    [
        ({"model_max_length": "512"}, {}),
        ({"added_tokens_decoder": []}, {}),
        ({"added_tokens_decoder": {"x": {"content": "a"}}}, {}),
        ({"added_tokens_decoder": {"1": {}}}, {}),
        ({"added_tokens_decoder": {"1": "[UNK]"}}, {}),
        ({"added_tokens_decoder": {"1": {"content": 5}}}, {}),
        ({"added_tokens_decoder": {"1": {"content": "a", "lstrip": "no"}}}, {}),
        ({"added_tokens_decoder": [{"content": "a"}]}, {}),
        ({"model_max_length": [512]}, {}),
        ({"model_max_length": math.nan}, {}),
        ({"model_max_length": True}, {}),
        ({"model_max_length": 64.5}, {}),
        ({"truncation_side": "middle"}, {}),
        ({"truncation_side": None}, {}),
        ({"tokenizer_class": 5}, {}),
        ({"tokenizer_class": "BertTokenizer", "do_lower_case": "no"}, {}),
        ({}, {"max_position_embeddings": [512]}),
        ({}, {"model_type": ["bert"], "max_position_embeddings": 512}),
        ({}, {"model_type": "roberta", "max_position_embeddings": 512, "pad_token_id": "1"}),
        ({}, {"max_position_embeddings": "512"}),
    ],
)
def test_settings_of_wrong_types_are_refused(tmp_path, settings, config):
    with pytest.raises(ArtifactError, match=r"model: a setting in .*config\.json has the wrong type: "):
        FillMask(toys.write_foreign(tmp_path / "model", settings=settings, config=config), threads=1)


def test_the_files_of_a_folder_may_begin_with_a_byte_order_mark(foreign_copy, tokenizer):
    for path in foreign_copy.glob("*.json"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    opened = open_tokenizer(open_artifact(foreign_copy))
    assert opened.tokenizer.to_str() == tokenizer.tokenizer.to_str()
    assert opened.max_length == tokenizer.max_length


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model_type": "esm", "position_embedding_type": "rotary", "pad_token_id": 1}, 10**9),
        ({"model_type": "esm", "position_embedding_type": "absolute", "pad_token_id": 1}, 64),
        ({"model_type": "deberta-v2", "position_biased_input": False}, 10**9),
        ({"model_type": "deberta"}, 66),
        ({"model_type": "modernbert"}, 10**9),
        ({"model_type": "nomic_bert", "rope_parameters": {"rope_type": "default"}}, 10**9),
        ({"model_type": "nomic_bert", "rope_parameters": {"rope_type": "dynamic"}}, 66),
        ({"model_type": "gte", "rope_scaling": {"type": "dynamic", "factor": 2.0}}, 66),
        ({"model_type": "neomme", "rope_parameters": {"full_attention": {"rope_type": "dynamic"}}}, 66),
        ({"model_type": "roformer"}, 66),
    ],
)
def test_positions_without_a_table_do_not_limit_a_text(config, expected):
    assert max_length({}, {"max_position_embeddings": 66} | config) == expected
    assert max_length({"model_max_length": 20}, {"max_position_embeddings": 66} | config) == 20


@pytest.mark.parametrize(
    "kind",
    ["esmc", "eurobert", "funnel", "gte", "jina_embeddings_v3", "modernvbert", "neomme", "ultrabert", "ultravbert"],
)
def test_computed_positions_do_not_end(kind):
    assert max_length({"model_max_length": 8192}, {"max_position_embeddings": 66, "model_type": kind}) == 8192


# Of transformers 5.24; their texts end where their table of positions does.
WITH_TABLE = [
    "albert", "bart", "bert", "big_bird", "convbert", "distilbert", "electra", "ernie", "layoutlm", "mbart",
    "megatron-bert", "mobilebert", "mvp", "nezha", "nystromformer", "rembert", "roformer", "squeezebert", "yoso",
]  # fmt: skip


@pytest.mark.parametrize("kind", WITH_TABLE)
def test_a_table_of_positions_ends(kind):
    assert max_length({"model_max_length": 8192}, {"max_position_embeddings": 66, "model_type": kind}) == 66


def test_every_architecture_is_known_to_have_a_table_or_not():
    page = (Path(__file__).parents[3] / "docs" / "architectures.md").read_text("utf-8")
    kinds = set(re.findall(r"^\| `([a-z0-9_-]+)`", page.partition("## Trained models")[0], re.MULTILINE))
    assert kinds <= {"esm", "deberta", "deberta-v2", *WITH_TABLE, *_COMPUTED_POSITIONS, *_OFFSET_POSITIONS}
