"""Token types that a template gives one text reach the model, as transformers passes them."""

import pytest
from tokenizers import processors

from fillmask import ArtifactError, FillMask
from fillmask.runtime.session import Session
from fillmask.token_types import TokenTypes
from tests.support import toys

SPECIALS = [("[CLS]", 2), ("[SEP]", 3)]
TYPED = {"model_input_names": ["input_ids", "token_type_ids"]}


def opened(folder, template, **settings):
    tokenizer = toys.word_piece()
    tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=SPECIALS)
    return FillMask(toys.write_foreign(folder, tokenizer=tokenizer, settings=settings or TYPED), threads=1)


@pytest.fixture
def fed(monkeypatch):
    """The token types of each run."""
    seen, feeds = [], Session._logits

    def logits(session, input_ids, attention_mask, positions, token_type_ids=None):
        seen.append(None if token_type_ids is None else token_type_ids.tolist())
        return feeds(session, input_ids, attention_mask, positions, token_type_ids)

    monkeypatch.setattr(Session, "_logits", logits)
    return seen


@pytest.mark.parametrize(
    ("template", "types"),
    [
        ("[CLS]:1 $A:1 [SEP]:1", [1, 1, 1, 1]),
        ("[CLS]:1 $A [SEP]", [1, 0, 0, 0]),
        ("$A [SEP]:1", [0, 0, 1]),
        ("[CLS] $A [SEP]", None),
    ],
)
def test_the_model_gets_the_types_of_the_template(tmp_path, fed, template, types):
    opened(tmp_path, template).predict("the [MASK]")
    assert fed == [types and [types]]


def test_they_change_the_scores(tmp_path):
    plain, typed = opened(tmp_path / "a", "[CLS] $A [SEP]"), opened(tmp_path / "b", "[CLS] $A:1 [SEP]")
    assert plain.predict("the [MASK]", top_k=1) != typed.predict("the [MASK]", top_k=1)
    assert typed.predict("the [MASK]", top_k=1)[0][0].token == toys.VOCAB_SIZE - 1  # of the toy's second segment


@pytest.mark.parametrize(
    "settings",
    [
        {"model_input_names": ["input_ids", "attention_mask"]},
        {"tokenizer_class": "DistilBertTokenizer"},
        {"tokenizer_class": "PreTrainedTokenizerFast"},
    ],
)
def test_a_model_whose_tokenizer_gives_none_gets_zeros(tmp_path, fed, settings):
    opened(tmp_path, "[CLS]:1 $A:1 [SEP]:1", **settings).predict("the [MASK]")
    assert fed == [None]


def test_the_settings_name_the_inputs_before_the_class(tmp_path, fed):
    opened(tmp_path, "[CLS]:1 $A [SEP]", **TYPED, tokenizer_class="DistilBertTokenizer").predict("[MASK]")
    assert fed == [[[1, 0, 0]]]


def test_padding_has_type_zero_and_windows_have_the_types_of_a_text(tmp_path):
    assert TokenTypes((2,), 1, (0, 3)).rows([4, 6]).tolist() == [[2, 1, 0, 3, 0, 0], [2, 1, 1, 1, 0, 3]]
    fill_mask = opened(tmp_path, "[CLS] $A:1 [SEP]")
    texts = ["the [MASK]", "the red cat [MASK] on a mat", "a [MASK] " + "cat " * 40]
    alone = [fill_mask.predict(text, truncation="window") for text in texts]
    assert list(fill_mask.predict_many(texts, truncation="window", batch_size=4)) == alone


def test_a_graph_that_takes_no_types_does_not_go_with_a_template_that_gives_some(tmp_path):
    tokenizer = toys.word_piece()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS]:2 $A [SEP]", special_tokens=SPECIALS)
    with pytest.raises(ArtifactError, match="gives texts token types, and the graph takes none"):
        FillMask(toys.write_native(tmp_path, tokenizer=tokenizer, settings=TYPED), threads=1)
