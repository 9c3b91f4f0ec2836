"""A fast version of ESM's tokenizer, which transformers has in Python only.

Every entry of its vocabulary matches anywhere in a text, with or without spaces. The rest is split at spaces and is
unknown.
"""

from __future__ import annotations

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors
from transformers import EsmTokenizer, PreTrainedTokenizerFast

_SPECIAL = ("cls_token", "pad_token", "eos_token", "unk_token", "mask_token")


def fast_esm(tokenizer: EsmTokenizer) -> PreTrainedTokenizerFast:
    """Make a fast tokenizer that encodes and decodes alike."""
    vocab = tokenizer.get_vocab()
    fast = Tokenizer(models.WordLevel(vocab, unk_token=tokenizer.unk_token))
    fast.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = set(tokenizer.all_special_tokens)
    for token in sorted(vocab, key=vocab.__getitem__):
        add = fast.add_special_tokens if token in special else fast.add_tokens
        add([AddedToken(token, normalized=False, special=token in special)])
    fast.post_processor = _template(tokenizer)
    return PreTrainedTokenizerFast(
        tokenizer_object=fast,
        model_max_length=tokenizer.model_max_length,
        model_input_names=tokenizer.model_input_names,
        clean_up_tokenization_spaces=tokenizer.clean_up_tokenization_spaces,
        **{name: str(token) for name in _SPECIAL if (token := getattr(tokenizer, name)) is not None},
    )


def _template(tokenizer: EsmTokenizer) -> processors.TemplateProcessing:
    around = [token for token in (tokenizer.cls_token, tokenizer.eos_token) if token is not None]
    single = " ".join([around[0], "$A", *around[1:]])
    ids = [(token, tokenizer.convert_tokens_to_ids(token)) for token in around]
    return processors.TemplateProcessing(single=single, special_tokens=ids)
