"""The models and how their checkpoints are made. AntiBERTy is trained; the others have random weights."""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.models.antiberty import fetch_checkpoint, write_sequences
from fillmask.artifact.folder import EMBEDDED

_ESM_TOKENS = "<cls> <pad> <eos> <unk> L A G V S E R T I D P K Q N F Y M H W C X B U Z O . - <null_1> <mask>"
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
_XLMR_TOKENS, _XLMR_SPECIAL = 250_002, ("<s>", "<pad>", "</s>", "<unk>")


@dataclass(frozen=True, slots=True)
class Subject:
    """A model.

    Attributes:
        title: In tables.
        make: Writes its checkpoint into a folder.
        trained: Whether its weights are trained.
        sequences: Writes texts to calibrate on and others to judge on into a folder; None takes fillmask's.
    """

    title: str
    make: Callable[[Path], object]
    trained: bool = False
    sequences: Callable[[Path], tuple[Path, Path]] | None = None


def minilm(folder: Path) -> None:
    """The embedded model's architecture and tokenizer.

    The embedded model ships as int8 only. How fast a checkpoint loads and runs does not depend on its weights.
    """
    from transformers import AutoConfig, AutoModelForMaskedLM

    _seed()
    AutoModelForMaskedLM.from_config(AutoConfig.from_pretrained(EMBEDDED)).save_pretrained(folder)
    for name in _TOKENIZER_FILES:
        shutil.copy(EMBEDDED / name, folder / name)


def bert_base(folder: Path) -> None:
    """BERT base, with the embedded model's tokenizer, which is that of bert-base-uncased."""
    from transformers import BertConfig, BertForMaskedLM

    minilm(folder)
    _seed()
    BertForMaskedLM(BertConfig()).save_pretrained(folder)


def xlmr_base(folder: Path) -> None:
    """XLM-R base, with a Unigram tokenizer of its kind and size, whose pieces are made of syllables."""
    from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaForMaskedLM

    made = Tokenizer(models.Unigram(_unigram(), unk_id=_XLMR_SPECIAL.index("<unk>")))
    made.normalizer, made.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
    ends = [("<s>", _XLMR_SPECIAL.index("<s>")), ("</s>", _XLMR_SPECIAL.index("</s>"))]
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    roles = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "pad_token": "<pad>"}
    mask = AddedToken("<mask>", lstrip=True, special=True)
    PreTrainedTokenizerFast(
        tokenizer_object=made, mask_token=mask, unk_token=_XLMR_SPECIAL[3], model_max_length=512, **roles
    ).save_pretrained(folder)
    _seed()
    config = XLMRobertaConfig(vocab_size=_XLMR_TOKENS, max_position_embeddings=514, type_vocab_size=1)
    XLMRobertaForMaskedLM(config).save_pretrained(folder)


def _unigram() -> list[tuple[str, float]]:
    """XLM-R's number of tokens with logarithms of their shares, which fall as Zipf's law has it.

    Letters come first, then words of one syllable, two, three; each at the start of a word and inside one.
    """
    syllables = [onset + vowel + end for onset in "bdfgklmnprstvz" for vowel in "aeiou" for end in ("", "n", "s")]
    words = ("".join(word) for count in (1, 2, 3) for word in itertools.product(syllables, repeat=count))
    pieces = itertools.chain("▁abcdefghijklmnopqrstuvwxyz", (piece for word in words for piece in (f"▁{word}", word)))
    common = itertools.islice(pieces, _XLMR_TOKENS - len(_XLMR_SPECIAL) - 1)
    scored = [(piece, -2 - math.log(rank)) for rank, piece in enumerate(common, start=1)]
    return [*((token, 0.0) for token in _XLMR_SPECIAL), *scored, ("<mask>", 0.0)]


def esm2_8m(folder: Path) -> None:
    """The size of ESM-2's smallest model, with the vocabulary of ESM."""
    from transformers import EsmConfig, EsmForMaskedLM, EsmTokenizer

    (folder / "vocab.txt").write_text("\n".join(_ESM_TOKENS.split()))
    EsmTokenizer(str(folder / "vocab.txt"), model_max_length=1024).save_pretrained(folder)
    _seed()
    config = EsmConfig(
        vocab_size=33, mask_token_id=32, pad_token_id=1, hidden_size=320, num_hidden_layers=6, num_attention_heads=20,
        intermediate_size=1280, max_position_embeddings=1026, position_embedding_type="rotary", token_dropout=True,
    )  # fmt: skip
    EsmForMaskedLM(config).save_pretrained(folder)


def _seed() -> None:
    import torch

    torch.manual_seed(0)


SUBJECTS = {
    "minilm": Subject("MiniLM-L6, 22.7 M parameters, 30,522 tokens", minilm),
    "bert-base": Subject("BERT base, 110 M parameters, 30,522 tokens", bert_base),
    "xlmr-base": Subject("XLM-R base, 278 M parameters, 250,002 tokens", xlmr_base),
    "antiberty": Subject("AntiBERTy, 26 M parameters, 25 tokens", fetch_checkpoint, True, write_sequences),
    "esm2-8m": Subject("ESM-2's smallest size, 8 M parameters, 33 tokens", esm2_8m, sequences=write_sequences),
}
