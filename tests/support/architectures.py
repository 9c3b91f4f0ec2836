"""Every architecture that transformers gives a masked-LM head: how a small checkpoint of it is made, or why not.

A checkpoint has the tokenizer of its own family, since that decides what surrounds a text and what a mask swallows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer

from fillmask_export.python_tokenizers import REASONS
from tests.support.training import train

IS_5 = transformers.__version__ >= "5"
MAX_LENGTH = 64
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": MAX_LENGTH,
}
TWO_MORE_POSITIONS = {"max_position_embeddings": MAX_LENGTH + 2}
AMINO_ACIDS = "LAGVSERTIDPKQNFYMHWCXBUZO.-"
# Special tokens that a family of models calls otherwise than tests/training.py does.
BERT = {"<s>": "[CLS]", "</s>": "[SEP]", "<mask>": "[MASK]", "<pad>": "[PAD]", "<unk>": "[UNK]"}
LUKE = TWO_MORE_POSITIONS | {"entity_vocab_size": 10, "entity_emb_size": 16}
ALBERT = {sign: BERT[sign] for sign in ("<s>", "</s>", "<mask>")}
MPNET = {BERT[sign]: sign for sign in ("<s>", "</s>", "<mask>", "<pad>")}
FUNNEL = {"[CLS]": "<cls>", "[SEP]": "<sep>", "[MASK]": "<mask>", "[PAD]": "<pad>", "[UNK]": "<unk>"}


@dataclass(frozen=True)
class Architecture:
    """How a small checkpoint is made.

    Attributes:
        tokenizer: transformers' class.
        family: Of ``training.FAMILIES``, or ``"proteins"``.
        signs: New names of special tokens.
        settings: What the configuration has besides the sizes; None takes a size out.
        width: Standard deviation of its weights, so that scores lie far apart.
        padding_counts: Padding beside a text moves its scores, in PyTorch too: a convolution, a mean over all tokens
            or the like.
        note: What a reader of the table should know.
        refusal: What the exporter says to it, where it refuses it.
    """

    tokenizer: str = "BertTokenizerFast"
    family: str = "wordpiece"
    signs: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    width: float = 0.3
    padding_counts: bool = False
    note: str = ""
    refusal: str = ""


def bytelevel(tokenizer: str = "RobertaTokenizerFast", *, refusal: str = "", **settings: Any) -> Architecture:
    """Like RoBERTa, whose table of positions has two rows that no token has."""
    settings = TWO_MORE_POSITIONS | settings
    return Architecture(tokenizer, "bytelevel", settings=settings, refusal=refusal)


def unigram(tokenizer: str = "XLMRobertaTokenizerFast", *, refusal: str = "", **settings: Any) -> Architecture:
    """Like XLM-RoBERTa."""
    settings = TWO_MORE_POSITIONS | settings
    return Architecture(tokenizer, "unigram", settings=settings, refusal=refusal)


def like_albert(tokenizer: str = "AlbertTokenizerFast", **settings: Any) -> Architecture:
    """A Unigram tokenizer that calls its special tokens as BERT does."""
    return Architecture(tokenizer, "unigram", ALBERT, settings)


def deberta_v2(**settings: Any) -> Architecture:
    """DeBERTa-v2 and v3, whose queries also meet positions."""
    settings = DISENTANGLED | {"share_att_key": True, "position_buckets": 16, "norm_rel_ebd": "layer_norm"} | settings
    return Architecture("DebertaV2TokenizerFast", "unigram", BERT, settings)


def squeezebert(**groups: int) -> Architecture:
    return Architecture("SqueezeBertTokenizerFast", settings={"embedding_size": 32} | groups)


DISENTANGLED = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_biased_input": False}
ENCODER_DECODER = {"d_model": 32, "hidden_size": None, "num_attention_heads": None} | {
    f"{side}_{size}": value
    for side in ("encoder", "decoder")
    for size, value in {"layers": 2, "attention_heads": 4, "ffn_dim": 64}.items()
}
NARROW = {"embedding_size": 16, "intra_bottleneck_size": 16, "true_hidden_size": 16, "intermediate_size": 32}
FUNNELLED = {"num_hidden_layers": None, "block_sizes": [1, 1], "num_decoder_layers": 1} | {
    "d_model": 32, "n_head": 4, "d_head": 8, "d_inner": 64,
}  # fmt: skip
HASHED = {"axial_pos_shape": [8, 8], "axial_pos_embds_dim": [16, 16], "attention_head_size": 8}
WINDOWED = {"local_attention": 16, "global_attn_every_n_layers": 2, "num_hidden_layers": 3}
GROUPS = ("q_groups", "k_groups", "v_groups", "post_attention_groups", "intermediate_groups", "output_groups")
NO_FFT = "aten::fft"

GROUPED = {"num_key_value_heads": 2, "head_dim": 8}
PICTURES = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4, "image_size": 32,
    "patch_size": 16,
}  # fmt: skip


def generic(**settings: Any) -> Architecture:
    """With a tokenizer that is its tokenizer.json and nothing else."""
    return Architecture("PreTrainedTokenizerFast", "bytelevel", BERT, settings)


def with_pictures(text_type: str, **settings: Any) -> Architecture:
    """An encoder of texts and pictures, which hold a configuration each."""
    nested = {"text_config": {"model_type": text_type, **SIZES, **settings}, "vision_config": PICTURES}
    return replace(generic(**dict.fromkeys(SIZES), **nested), note="texts alone")


# By model_type, as config.json and transformers' own table have it; what follows "/" tells two of a type apart.
_ALL = {
    "albert": like_albert(embedding_size=16),
    "bart": Architecture("BartTokenizerFast", "bytelevel", settings=ENCODER_DECODER),
    "bert": Architecture(),
    "big_bird": Architecture(
        "BigBirdTokenizerFast", "unigram", ALBERT, {"attention_type": "block_sparse"},
        note="always with full attention, as PyTorch has it for texts of up to 704 tokens",
    ),
    "camembert": unigram("CamembertTokenizerFast"),
    "convbert": Architecture(settings={"embedding_size": 32}, padding_counts=True),
    "data2vec-text": bytelevel(),
    "deberta": Architecture("DebertaTokenizerFast", "bytelevel", BERT, DISENTANGLED),
    "deberta-v2": deberta_v2(),
    "deberta-v2/convolution": deberta_v2(conv_kernel_size=3),
    "deberta-v2/legacy=False": replace(
        deberta_v2(legacy=False, tie_word_embeddings=False),
        note="the head of v3, which transformers loads right with `tie_word_embeddings: false` only",
    ),
    "distilbert": Architecture(
        "DistilBertTokenizerFast", settings={"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}
    ),
    "electra": Architecture("ElectraTokenizerFast", settings={"embedding_size": 16}, note="the generator"),
    "ernie": Architecture(),
    "esm": Architecture(
        "EsmTokenizer", "proteins",
        settings={"position_embedding_type": "rotary", "token_dropout": True} | TWO_MORE_POSITIONS,
        padding_counts=not IS_5, note="its tokenizer, which transformers has in Python only, is made a fast one",
    ),
    "esmc": generic(),
    "eurobert": generic(),
    "eurobert/grouped": generic(**GROUPED),
    "fnet": Architecture("FNetTokenizerFast", "unigram", ALBERT, refusal="takes no attention_mask"),
    "funnel": Architecture("FunnelTokenizerFast", "wordpiece", FUNNEL, FUNNELLED,
                           refusal="cannot be traced" if IS_5 else "a score differs by"),
    "gte": unigram(),
    "ibert": bytelevel(),
    "jina_embeddings_v3": unigram(),
    "layoutlm": Architecture("LayoutLMTokenizerFast", note="without boxes, as the pipeline runs it"),
    "longformer": bytelevel("LongformerTokenizerFast", attention_window=8,
                            refusal="cannot be traced" if IS_5 else "only runs at the length"),
    **({"luke": Architecture("LukeTokenizer", "bytelevel", settings=LUKE, note="texts alone, without entities")}
       if IS_5 else {}),
    "mbart": Architecture("MBartTokenizerFast", "unigram", settings=ENCODER_DECODER),
    "mega": bytelevel(refusal=NO_FFT),
    "megatron-bert": Architecture(),
    # Wider, it is so unstable that PyTorch's fp32 is 3e-4 of a logit from its own fp64.
    "mobilebert": Architecture("MobileBertTokenizerFast", settings=NARROW, width=0.2, padding_counts=True),
    "modernbert": Architecture("PreTrainedTokenizerFast", "bytelevel", BERT, WINDOWED),
    "modernvbert": with_pictures("modernbert", **WINDOWED),
    "mpnet": Architecture("MPNetTokenizerFast", "wordpiece", MPNET, TWO_MORE_POSITIONS),
    "mra": bytelevel(refusal="its attention is a CUDA kernel"),
    "mvp": Architecture("MvpTokenizerFast", "bytelevel", settings=ENCODER_DECODER),
    "neomme": generic(num_key_value_heads=2, head_dim=16, embedding_rank=16, sliding_window=16),
    "nezha": Architecture(),
    "nomic_bert": Architecture(),
    "nystromformer": Architecture("AlbertTokenizerFast", "unigram", ALBERT, padding_counts=True),
    "reformer": Architecture("PreTrainedTokenizerFast", "unigram", BERT, HASHED, refusal="draws random numbers"),
    "rembert": like_albert("RemBertTokenizerFast", input_embedding_size=16, output_embedding_size=24),
    "roberta": bytelevel(),
    "roberta-prelayernorm": bytelevel(),
    "roformer": Architecture(
        settings={"embedding_size": 32}, note="with a tokenizer of BERT; one that calls jieba is refused"
    ),
    "squeezebert": squeezebert(),
    "squeezebert/no groups": squeezebert(**dict.fromkeys(GROUPS, 1)),
    "ultrabert": generic(sliding_window=16, prediction_head_size=32),
    "ultravbert": with_pictures("ultrabert", sliding_window=16, prediction_head_size=32),
    "xlm-roberta": unigram(),
    "xlm-roberta-xl": unigram(),
    "xmod": unigram(default_language="en_XX", languages=["en_XX", "de_DE"],
                    refusal="" if IS_5 else "only runs at the length"),
    "yoso": Architecture("AlbertTokenizerFast", "unigram", ALBERT, padding_counts=True),
}  # fmt: skip
_KNOWN = transformers.models.auto.modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
ARCHITECTURES = {name: each for name, each in _ALL.items() if name.partition("/")[0] in _KNOWN}
# Beside transformers 5 Luke has one.
NO_FAST_TOKENIZER = ("flaubert", *([] if IS_5 else ["luke"]), "perceiver", "roc_bert", "tapas", "xlm")
# Neither exported nor tried, and why.
_TOKENIZERS = {
    "flaubert": "FlaubertTokenizer", "luke": "LukeTokenizer", "perceiver": "PerceiverTokenizer",
    "roc_bert": "RoCBertTokenizer", "tapas": "TapasTokenizer", "xlm": "XLMTokenizer",
}  # fmt: skip
_ELSEWHERE = {name: REASONS[_TOKENIZERS[name]] for name in NO_FAST_TOKENIZER} | {
    "qdqbert": "needs NVIDIA's pytorch-quantization; transformers has given it up",
    "wav2vec2": "reads sound, not text",
}
ELSEWHERE = {name: reason for name, reason in _ELSEWHERE.items() if name in _KNOWN}


def make_checkpoint(name: str, folder: Path) -> Path:
    """Save a small checkpoint with random weights, for AutoTokenizer, AutoModelForMaskedLM and pipeline."""
    architecture = ARCHITECTURES[name]
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(architecture, folder)
    tokenizer.save_pretrained(folder)
    ids = {f"{token}_token_id": getattr(tokenizer, f"{token}_token_id") for token in ("pad", "mask")}
    draw(make_config(name, len(tokenizer), ids), architecture.width).save_pretrained(folder)
    return folder


def make_config(name: str, vocab_size: int, ids: dict[str, int]) -> transformers.PretrainedConfig:
    """A configuration with small sizes, for a vocabulary and its special tokens."""
    vocabulary = ids | {"vocab_size": vocab_size}
    settings = SIZES | vocabulary | ARCHITECTURES[name].settings
    given = {key: value for key, value in settings.items() if value is not None}
    if "text_config" in given:
        given["text_config"] = given["text_config"] | vocabulary
    return transformers.AutoConfig.for_model(name.partition("/")[0], **given)


def draw(config: transformers.PretrainedConfig, width: float) -> transformers.PreTrainedModel:
    """A model whose biases are not 0, so that one left out of an export shows."""
    torch.manual_seed(0)
    model = transformers.AutoModelForMaskedLM.from_config(config)
    for parameter in model.parameters():
        wide = parameter.ndim > 1
        with torch.no_grad():
            parameter.mul_(0 if wide else 1).add_(torch.randn_like(parameter) * (width if wide else 0.1))
    return model.eval()


def make_tokenizer(architecture: Architecture, folder: Path) -> Any:
    """The tokenizer of a family in the class of an architecture."""
    kind = getattr(transformers, architecture.tokenizer)
    if architecture.family == "proteins":
        tokens = ["<cls>", "<pad>", "<eos>", "<unk>", *AMINO_ACIDS, "<null_1>", "<mask>"]
        (folder / "vocab.txt").write_text("\n".join(tokens))
        return kind(str(folder / "vocab.txt"), model_max_length=MAX_LENGTH)
    state = train(architecture.family).to_str()
    for before, after in architecture.signs.items():
        state = state.replace(f'"{before}"', f'"{after}"')
    named = {}
    if kind is transformers.PreTrainedTokenizerFast:
        tokens = dict(zip(("cls", "sep", "mask", "pad", "unk"), BERT.values(), strict=True))
        named = {f"{name}_token": token for name, token in tokens.items()}
        named["model_input_names"] = ["input_ids", "attention_mask"]
    if architecture.tokenizer == "LukeTokenizer":  # it takes no tokenizer_object
        model = json.loads(state)["model"]
        return kind(vocab=model["vocab"], merges=[tuple(each) for each in model["merges"]], model_max_length=MAX_LENGTH)
    return kind(tokenizer_object=Tokenizer.from_str(state), model_max_length=MAX_LENGTH, **named)
