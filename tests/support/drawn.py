"""Draws tokenizers, and the files beside them, as folders of other people hold them: every part at random."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

# Rows of the models that read what is drawn. Every token has an id below it.
ROWS = 480
_WORDS = ["the", "a", "cat", "dog", "eats", "sleeps", "café", "Cat", "The", "house", "isn", "t", "n't", "do", "猫", "1",
          ".", ",", "!", "'", "-"]  # fmt: skip
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEÉéü0123456789"
_TEXT = [
    *_WORDS,
    "xyz",
    "É",
    "ﬁ",
    "cats",
    "猫犬",
    "don't",
    "( a )",
    "  ",
    "\t",
    "\u00a0",
    "can not",
    " .",
    "it 's",
    "e\u0301",
]
BERT = {"unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "pad": "[PAD]", "mask": "[MASK]"}
ROBERTA = {"unk": "<unk>", "cls": "<s>", "sep": "</s>", "pad": "<pad>", "mask": "<mask>"}
ALBERT = {"unk": "<unk>", "cls": "[CLS]", "sep": "[SEP]", "pad": "<pad>", "mask": "[MASK]"}
# Classes by the texts of their special tokens, and by what they do with a tokenizer.json.
_CLASSES = {
    "PreTrainedTokenizerFast": None, "BertTokenizer": BERT, "BertTokenizerFast": BERT, "DistilBertTokenizer": BERT,
    "ElectraTokenizerFast": BERT, "RobertaTokenizer": ROBERTA, "RobertaTokenizerFast": ROBERTA,
    "XLMRobertaTokenizer": ROBERTA, "CamembertTokenizer": ROBERTA, "BartTokenizer": ROBERTA, "AlbertTokenizer": ALBERT,
    "DebertaTokenizerFast": BERT,
}  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """A tokenizer, the files beside it, and texts for it.

    Attributes:
        tokenizer: tokenizer.json.
        files: The other files, by name.
        architecture: The model that reads it, ``"bert"`` or ``"roberta"``.
        texts: With the model's mask.
    """

    tokenizer: Tokenizer
    files: dict[str, Any]
    architecture: str
    texts: list[str]

    @property
    def is_generic(self) -> bool:
        """Whether the class takes tokenizer.json as it is; 5.24 makes tokenizers of other classes anew."""
        named = [self.files.get(name, {}).get("tokenizer_class") for name in ("tokenizer_config.json", "config.json")]
        return "PreTrainedTokenizerFast" in named

    @property
    def is_read_otherwise_by_4(self) -> bool:
        """Whether 4.57 has its own space before a text, or token types, for the class that 5.24 takes as it is."""
        settings, parts = self.files.get("tokenizer_config.json", {}), json.loads(self.tokenizer.to_str())
        before, after = (parts[name] or {} for name in ("pre_tokenizer", "post_processor"))
        stored = before.get("add_prefix_space") if before.get("type") == "ByteLevel" else None
        spaced = stored not in (None, settings.get("add_prefix_space", False))
        typed = any(place["type_id"] for item in after.get("single", []) for place in item.values())
        return self.is_generic and (spaced or (typed and "model_input_names" not in settings))


@dataclass
class _Draw:
    """One draw under way."""

    rng: Random
    names: dict[str, str] = field(default_factory=dict)

    def choose(self, *choices: Any) -> Any:
        return self.rng.choice(choices)

    def likely(self, probability: float) -> bool:
        return self.rng.random() < probability


def draw(seed: int) -> Drawn:
    """Draw a folder's tokenizer; the same one for the same seed."""
    drawing = _Draw(Random(seed))
    class_name = drawing.choose(*_CLASSES)
    drawing.names = dict(_CLASSES[class_name] or drawing.choose(BERT, ROBERTA, ALBERT))
    tokenizer = _tokenizer(drawing)
    added = _add(drawing, tokenizer, class_name)
    architecture = "roberta" if drawing.names == ROBERTA else "bert"
    # The graph of a RoBERTa takes no token types, and its checkpoint has one.
    tokenizer.post_processor = _post_processor(drawing, tokenizer, types=architecture == "bert")
    if drawing.likely(0.2):
        tokenizer.enable_padding(pad_id=tokenizer.token_to_id(drawing.names["pad"]), pad_token=drawing.names["pad"])
    files = _files(drawing, tokenizer, class_name, added)
    if isinstance(tokenizer.model, models.BPE):  # 4.57 and 5.24 differ, and fillmask does as 5.24
        files.get("tokenizer_config.json", {}).pop("clean_up_tokenization_spaces", None)
    return Drawn(tokenizer, files, architecture, [_text(drawing, added) for _ in range(6)])


def write(drawn: Drawn, folder: Path) -> None:
    """Write the files of a draw into a folder that holds the model's ``config.json``."""
    drawn.tokenizer.save(str(folder / "tokenizer.json"))
    for name, content in drawn.files.items():
        known = json.loads((folder / name).read_text()) if name == "config.json" else {}
        (folder / name).write_text(json.dumps(known | content))


def _tokenizer(drawing: _Draw) -> Tokenizer:
    special = list(drawing.names.values())
    kind = drawing.choose("wordpiece", "wordpiece", "bytelevel", "unigram", "metaspace", "wordlevel")
    tokenizer = {"wordpiece": _word_piece, "bytelevel": _byte_level, "unigram": _unigram, "metaspace": _metaspace,
                 "wordlevel": _word_level}[kind](drawing, special)  # fmt: skip
    normalizer = drawing.choose(
        None, normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex(" {2,}"), " "),
        normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]),
        normalizers.BertNormalizer(lowercase=drawing.likely(0.5), strip_accents=drawing.choose(None, True, False),
                                   handle_chinese_chars=drawing.likely(0.5)),
    )  # fmt: skip
    if kind == "wordpiece" and drawing.likely(0.7):
        normalizer = normalizers.BertNormalizer(lowercase=drawing.likely(0.5))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    return tokenizer


def _vocabulary(*parts: list[str]) -> dict[str, int]:
    return {token: index for index, token in enumerate(dict.fromkeys(token for part in parts for token in part))}


def _word_piece(drawing: _Draw, special: list[str]) -> Tokenizer:
    pieces = [f"##{letter}" for letter in _LETTERS]
    vocabulary = _vocabulary(special, _WORDS, list(_LETTERS), pieces)
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=drawing.names["unk"]))
    tokenizer.pre_tokenizer = drawing.choose(
        pre_tokenizers.BertPreTokenizer(), pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Whitespace(),
        pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]),
    )  # fmt: skip
    tokenizer.decoder = decoders.WordPiece(cleanup=drawing.likely(0.8))
    return tokenizer


def _byte_level(drawing: _Draw, special: list[str]) -> Tokenizer:
    merges = [("c", "a"), ("ca", "t"), ("Ġ", "cat"), ("t", "h"), ("th", "e"), ("Ġ", "the"), ("Ġ", "d")]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = _vocabulary(special, alphabet, [left + right for left, right in merges])
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=drawing.likely(0.4))
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _unigram(drawing: _Draw, special: list[str]) -> Tokenizer:
    pieces = dict.fromkeys([*special, *(f"▁{word}" for word in _WORDS), "▁", *_WORDS, *_LETTERS])
    scored = [(piece, 0.0 if piece in special else -float(index)) for index, piece in enumerate(pieces)]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=special.index(drawing.names["unk"])))
    return _with_metaspace(drawing, tokenizer)


def _metaspace(drawing: _Draw, special: list[str]) -> Tokenizer:
    merges = [("c", "a"), ("ca", "t"), ("▁", "cat"), ("t", "h"), ("th", "e"), ("▁", "the")]
    letters = [*_LETTERS, "▁", *".,!'-"]
    vocabulary = _vocabulary(special, letters, [left + right for left, right in merges])
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token=drawing.names["unk"], fuse_unk=drawing.likely(0.5)))
    return _with_metaspace(drawing, tokenizer)


def _with_metaspace(drawing: _Draw, tokenizer: Tokenizer) -> Tokenizer:
    scheme = {"prepend_scheme": drawing.choose("always", "first", "never"), "split": True}
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(**scheme)
    tokenizer.decoder = decoders.Metaspace(**scheme)
    return tokenizer


def _word_level(drawing: _Draw, special: list[str]) -> Tokenizer:
    vocabulary = _vocabulary(special, _WORDS, list(_LETTERS))
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=drawing.names["unk"]))
    tokenizer.pre_tokenizer = drawing.choose(
        pre_tokenizers.Whitespace(), pre_tokenizers.WhitespaceSplit(),
        pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]),
    )  # fmt: skip
    if drawing.likely(0.3):
        tokenizer.decoder = decoders.Fuse()
    return tokenizer


def _add(drawing: _Draw, tokenizer: Tokenizer, class_name: str) -> list[AddedToken]:
    """Add the special tokens, most of them, and a few others with flags; give all that may be listed elsewhere."""
    mask = AddedToken(drawing.names["mask"], special=True, lstrip=drawing.likely(0.4), normalized=drawing.likely(0.2))
    special = [AddedToken(drawing.names[name], special=True) for name in ("unk", "cls", "sep", "pad")]
    # Of a mask that tokenizer.json does not list, some classes of 4.57 set the flags: a difference that is decided.
    plain = class_name in ("PreTrainedTokenizerFast", "BertTokenizer", "BertTokenizerFast")
    listed = [token for token in special if not plain or drawing.likely(0.8)]
    tokenizer.add_special_tokens([*listed, *([] if plain and drawing.likely(0.1) else [mask])])
    others = [
        AddedToken(content, special=drawing.likely(0.4), lstrip=drawing.likely(0.3), rstrip=drawing.likely(0.3),
                   single_word=drawing.likely(0.3), normalized=drawing.likely(0.5))
        for content in drawing.rng.sample(["<ent>", "cat", "Dog", "ne w", "x", "É"], drawing.rng.randrange(4))
    ]  # fmt: skip
    if drawing.likely(0.5):
        tokenizer.add_tokens(others)
    return others


def _post_processor(drawing: _Draw, tokenizer: Tokenizer, *, types: bool) -> Any:
    cls, sep = ((drawing.names[name], tokenizer.token_to_id(drawing.names[name])) for name in ("cls", "sep"))
    templates = ["{0} $A {1}", "{0} $A {1}", "$A {1}", "{0} $A", *["{0}:1 $A:1 {1}:1", "{0}:1 $A {1}"] * types]
    template = drawing.choose(*templates)
    return drawing.choose(
        processors.TemplateProcessing(single=template.format(cls[0], sep[0]), special_tokens=[cls, sep]),
        processors.TemplateProcessing(single=f"{cls[0]} $A {sep[0]}", special_tokens=[cls, sep]),
        processors.BertProcessing(sep, cls),
        processors.RobertaProcessing(sep, cls, trim_offsets=drawing.likely(0.5)),
    )


def _files(drawing: _Draw, tokenizer: Tokenizer, class_name: str, added: list[AddedToken]) -> dict[str, Any]:
    plain = class_name == "PreTrainedTokenizerFast"
    tokens = {f"{name}_token": text for name, text in drawing.names.items() if name == "mask" or drawing.likely(0.8)}
    settings: dict[str, Any] = {"model_max_length": 60}
    optional = {
        "do_lower_case": drawing.likely(0.5), "strip_accents": drawing.choose(None, True, False),
        "tokenize_chinese_chars": drawing.likely(0.5), "add_prefix_space": drawing.likely(0.5),
        "clean_up_tokenization_spaces": drawing.likely(0.5), "truncation_side": drawing.choose("left", "right"),
        "model_input_names": drawing.choose(["input_ids", "attention_mask"],
                                            ["input_ids", "token_type_ids", "attention_mask"]),
        "extra_special_tokens": {"ent_token": "<ent>"},
        "additional_special_tokens": drawing.choose([], ["<ent>"], ["the", "<new>"]),
    }  # fmt: skip
    settings |= {name: value for name, value in optional.items() if drawing.likely(0.25)}
    files: dict[str, Any] = {"config.json": {}}
    place = drawing.choose("tokenizer_config.json", "tokenizer_config.json", "config.json", "model_type")
    if place == "tokenizer_config.json" or (plain and place == "model_type"):
        settings["tokenizer_class"] = class_name
    elif place == "config.json":
        files["config.json"]["tokenizer_class"] = class_name
    else:
        tokens = {f"{name}_token": text for name, text in drawing.names.items()}
    if place != "tokenizer_config.json" and drawing.likely(0.5):
        settings = {} if drawing.likely(0.3) else settings
    home = drawing.choose("settings", "settings", "special_tokens_map.json")
    if home == "settings" and settings:
        settings |= tokens
    else:
        files["special_tokens_map.json"] = tokens
    if drawing.likely(0.3):
        size = tokenizer.get_vocab_size()
        if drawing.likely(0.5) and settings and home == "settings":
            known = [*tokenizer.get_added_tokens_decoder().items(), *enumerate(added, size)]
            settings["added_tokens_decoder"] = {str(index): _entry(token) for index, token in known}
        else:
            files["added_tokens.json"] = {token.content: size + index for index, token in enumerate(added)}
    if settings:
        files["tokenizer_config.json"] = settings
    return files


def _entry(token: AddedToken) -> dict[str, Any]:
    flags = ("lstrip", "rstrip", "normalized", "single_word", "special")
    return {"content": token.content, **{flag: getattr(token, flag) for flag in flags}}


def _text(drawing: _Draw, added: list[AddedToken]) -> str:
    pieces = [*_TEXT, *drawing.names.values(), *(token.content for token in added), *(token.content for token in added)]
    chosen = [drawing.choose(*pieces) for _ in range(drawing.rng.randrange(1, 10))]
    for _ in range(drawing.choose(1, 1, 1, 2)):
        chosen.insert(drawing.rng.randrange(len(chosen) + 1), drawing.names["mask"])
    return "".join(word + drawing.choose(" ", " ", " ", "") for word in chosen)
