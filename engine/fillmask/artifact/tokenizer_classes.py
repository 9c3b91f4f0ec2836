"""What a tokenizer class of transformers brings along where no file of a folder says it.

Source: the signatures and the ``model_input_names`` of the fast tokenizer classes of transformers 4.57. A class that is
not listed is TokenizersBackend of 5.24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

_BERT = {
    "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]",
}  # fmt: skip
_ROBERTA = {
    "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>",
    "cls_token": "<s>", "mask_token": "<mask>",
}  # fmt: skip
_DEBERTA = _BERT | {"bos_token": "[CLS]", "eos_token": "[SEP]"}
_ALBERT = _DEBERTA | {"unk_token": "<unk>", "pad_token": "<pad>"}


class TokenizerClass(NamedTuple):
    """A tokenizer class of transformers.

    Attributes:
        tokens: Its special tokens, by the names of their settings.
        sets_normalizer: Whether it sets the normalizer of ``tokenizer.json`` by its settings, as BERT's does.
        token_types: Whether the model gets the token types that the template of ``tokenizer.json`` gives.
        sets_prefix_space: Whether it sets the space before a byte-level text by its settings.
        additional: Its additional special tokens.
        splitter: The code that splits its texts, which transformers puts in the place of what ``tokenizer.json`` says.
    """

    tokens: Mapping[str, str]
    sets_normalizer: bool = False
    token_types: bool = True
    sets_prefix_space: bool = True
    additional: tuple[str, ...] = ()
    splitter: str | None = None


_BERT_LIKE = TokenizerClass(_BERT, sets_normalizer=True)
_ROBERTA_LIKE = TokenizerClass(_ROBERTA, token_types=False)
# By the parts of their names before "Tokenizer", in lower case.
_CLASSES = {
    **dict.fromkeys(["bert", "convbert", "electra", "layoutlm", "lxmert", "mobilebert", "squeezebert"], _BERT_LIKE),
    **dict.fromkeys(["barthez", "bart", "led", "longformer", "mbart", "mvp", "roberta", "xlmroberta"], _ROBERTA_LIKE),
    "albert": TokenizerClass(_ALBERT),
    "bigbird": TokenizerClass(_ALBERT | {"bos_token": "<s>", "eos_token": "</s>"}, token_types=False),
    "camembert": TokenizerClass(
        _ROBERTA, token_types=False, additional=("<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED")
    ),
    "deberta": TokenizerClass(_DEBERTA),
    "debertav2": TokenizerClass(_DEBERTA),
    "distilbert": TokenizerClass(_BERT, sets_normalizer=True, token_types=False),
    "esm": TokenizerClass(
        {"unk_token": "<unk>", "cls_token": "<cls>", "pad_token": "<pad>", "mask_token": "<mask>",
         "eos_token": "<eos>"}, token_types=False,
    ),
    "fnet": TokenizerClass(_ALBERT),
    "funnel": TokenizerClass(
        _ROBERTA | {"sep_token": "<sep>", "cls_token": "<cls>"}, sets_normalizer=True
    ),
    "herbert": TokenizerClass({name: _ROBERTA[name] for name in _BERT}),
    "mpnet": TokenizerClass(_ROBERTA | {"unk_token": "[UNK]"}, sets_normalizer=True, token_types=False),
    "rembert": TokenizerClass(_ALBERT),
    "roformer": _BERT_LIKE._replace(splitter="jieba"),
}  # fmt: skip
# Model types whose class has another name than theirs.
_CLASS_OF_TYPE = {
    "data2vec-text": "roberta", "ernie": "bert", "ibert": "roberta", "mega": "roberta", "megatron-bert": "bert",
    "mra": "roberta", "nezha": "bert", "nystromformer": "albert", "qdqbert": "bert", "roberta-prelayernorm": "roberta",
    "xlm-roberta-xl": "xlmroberta", "xmod": "xlmroberta", "yoso": "albert",
}  # fmt: skip
# Of transformers 5, where PreTrainedTokenizerFast is another name of it: it takes tokenizer.json as it is.
_BACKEND = TokenizerClass({}, token_types=False, sets_prefix_space=False)


def tokenizer_class(settings: Mapping[str, Any], config: Mapping[str, Any]) -> TokenizerClass:
    """Find a folder's tokenizer class; one that is not known brings nothing along, as TokenizersBackend.

    Args:
        settings: ``tokenizer_config.json``, whose ``tokenizer_class`` comes first.
        config: ``config.json``: its ``tokenizer_class`` comes second, and the class of its ``model_type`` last.

    Source: AutoTokenizer.from_pretrained.
    """
    named: str | None = settings.get("tokenizer_class") or config.get("tokenizer_class")
    if named is not None:
        return _CLASSES.get(named.removesuffix("Fast").removesuffix("Tokenizer").lower(), _BACKEND)
    model_type: str = config.get("model_type") or ""
    name = _CLASS_OF_TYPE.get(model_type, model_type.replace("-", "").replace("_", ""))
    return _CLASSES.get(name, _BACKEND)
