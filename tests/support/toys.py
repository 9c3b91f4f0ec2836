"""Toy models: tokenizers made in memory, graphs small enough to compute by hand, and the folders that hold them.

The logits at a mask are ``left[token before it] + right[token behind it]``, so numpy can say what the engine must.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from hypothesis import settings
from onnx import numpy_helper, parser
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

PROPERTY = settings(max_examples=500, deadline=None)

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [
    "the",
    "a",
    "capital",
    "city",
    "of",
    "france",
    "england",
    "paris",
    "london",
    "is",
    "in",
    "on",
    "cat",
    "dog",
    "sat",
    "mat",
    "red",
    "blue",
    ".",
    ",",
    "?",
    "!",
]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCAB = [*SPECIALS, *WORDS, *LETTERS[1:], *(f"##{letter}" for letter in LETTERS), "##ing"]
VOCAB_SIZE = len(VOCAB)
MAX_LENGTH = 16

_FOREIGN = """
toy ({ids}[b,s] input_ids, {ids}[b,s] attention_mask, {ids}[b,s] token_type_ids) => ({dtype}[b,s,v] logits) {{
    ids = Cast<to=7>(input_ids)
    zero = Constant<value_ints=[0]>()
    one = Constant<value_ints=[1]>()
    two = Constant<value_ints=[2]>()
    last = Constant<value_ints=[-1]>()
    end = Constant<value_ints=[9223372036854775807]>()
    first = Slice(ids, zero, one, one)
    head = Slice(ids, zero, last, one)
    before = Concat<axis=1>(first, head)
    tail = Slice(ids, one, end, one)
    final = Slice(ids, last, end, one)
    behind = Concat<axis=1>(tail, final)
    from_left = Gather(left, before)
    from_right = Gather(right, behind)
    neighbours = Add(from_left, from_right)
    segment = Gather(segments, token_type_ids)
    shifted = Add(neighbours, segment)
    weight = Cast<to=1>(attention_mask)
    weights = Unsqueeze(weight, two)
    weighted = Mul(shifted, weights)
    logits = Cast<to={to}>(weighted)
}}"""

_NATIVE = """
toy ({ids}[b,s] input_ids, {ids}[b,s] attention_mask, {ids}[b,m] mask_positions) => ({dtype}[b,m,v] logits) {{
    ids = Cast<to=7>(input_ids)
    at = Cast<to=7>(mask_positions)
    one = Constant<value_int=1>()
    two = Constant<value_ints=[2]>()
    at_left = Sub(at, one)
    at_right = Add(at, one)
    before = GatherElements<axis=1>(ids, at_left)
    behind = GatherElements<axis=1>(ids, at_right)
    from_left = Gather(left, before)
    from_right = Gather(right, behind)
    neighbours = Add(from_left, from_right)
    attended = GatherElements<axis=1>(attention_mask, at)
    weight = Cast<to=1>(attended)
    weights = Unsqueeze(weight, two)
    weighted = Mul(neighbours, weights)
    logits = Cast<to={to}>(weighted)
}}"""


_HIDDEN_SIZE = """
toy (int64[b,s] input_ids) => (float[b,s,{declared}] logits) {{
    largest = ReduceMax<keepdims=0>(input_ids)
    nothing = Sub(largest, largest)
    size = Add(sizes, nothing)
    zero = Constant<value_ints=[0]>()
    two = Constant<value_ints=[2]>()
    whole = Gather(table, input_ids)
    logits = Slice(whole, zero, size, two)
}}"""


def tables(seed: int = 0, size: int = VOCAB_SIZE):
    """The two tables ``float32[2, V, V]`` that a toy model consists of."""
    return np.random.default_rng(seed).standard_normal((2, size, size)).astype(np.float32) * 2


def parse(text: str, **initializers) -> bytes:
    """A graph in ONNX's own text form, with its weights, as the bytes of a file."""
    model = parser.parse_model('<ir_version: 10, opset_import: ["": 18]>' + text)
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in initializers.items())
    onnx.checker.check_model(model)
    return model.SerializeToString()


def foreign_graph(weights, *, dtype: str = "float", ids: str = "int64") -> bytes:
    """What optimum exports; a wrong token_type_ids or attention_mask would show in every logit."""
    scored = weights[0].shape[-1]
    segments = np.stack([np.zeros(scored), np.arange(scored) * 100]).astype(np.float32)
    text = _FOREIGN.format(dtype=dtype, ids=ids, to={"float": 1, "float16": 10}[dtype])
    return parse(text, left=weights[0], right=weights[1], segments=segments)


def native_graph(weights, *, ids: str = "int64") -> bytes:
    """What ``fillmask export`` writes."""
    return parse(_NATIVE.format(dtype="float", ids=ids, to=1), left=weights[0], right=weights[1])


def without_attention_mask(graph: bytes) -> bytes:
    """A graph that does not take the attention mask: where it read the mask it reads the ids."""
    model = onnx.load_from_string(graph)
    (unread,) = [each for each in model.graph.input if each.name == "attention_mask"]
    model.graph.input.remove(unread)
    for node in model.graph.node:
        node.input[:] = ["input_ids" if name == "attention_mask" else name for name in node.input]
    return model.SerializeToString()


def mixing_graph(weights) -> bytes:
    """A foreign graph whose logits depend on all rows of a run, as dynamic quantization makes them."""
    text = _FOREIGN.format(dtype="float", ids="int64", to=1).replace(
        "weighted = Mul(shifted, weights)",
        "scale = ReduceMax<keepdims=0>(shifted)\n    scaled = Div(shifted, scale)\n    weighted = Mul(scaled, weights)",
    )
    segments = np.zeros((2, weights[0].shape[-1]), dtype=np.float32)
    return parse(text, left=weights[0], right=weights[1], segments=segments)


def padding_counts_graph(weights) -> bytes:
    """A foreign graph whose last token changes all logits of its row, though it is padding, as convolutions let it."""
    text = _FOREIGN.format(dtype="float", ids="int64", to=1).replace(
        "from_right = Gather(right, behind)",
        "right_of = Gather(right, behind)\n    at_end = Gather(right, final)\n    from_right = Add(right_of, at_end)",
    )
    segments = np.zeros((2, weights[0].shape[-1]), dtype=np.float32)
    return parse(text, left=weights[0], right=weights[1], segments=segments)


def hidden_size_graph(size: int, *, declared: int | str = "v", table=None) -> bytes:
    """A graph that scores ``size`` tokens, which cannot be seen before it runs; it may declare another number."""
    table = tables()[0] if table is None else table
    return parse(_HIDDEN_SIZE.format(declared=declared), sizes=np.array([size]), table=table)


def word_piece() -> Tokenizer:
    """A lower-casing tokenizer like BERT's; every ASCII word has pieces."""
    vocab = {token: index for index, token in enumerate(VOCAB)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])]
    )
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(SPECIALS)
    return tokenizer


def byte_level() -> Tokenizer:
    """A tokenizer like RoBERTa's: ``cat`` is a token with and without a space before it, ``dog`` only with one."""
    merges = [("c", "a"), ("ca", "t"), ("Ġ", "cat"), ("Ġ", "d"), ("Ġd", "o"), ("Ġdo", "g")]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = ["<s>", "<pad>", "</s>", *alphabet, *(left + right for left, right in merges)]
    tokenizer = Tokenizer(models.BPE({token: index for index, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", AddedToken("<mask>", lstrip=True, special=True)])
    return tokenizer


def write_settings(folder: Path, tokenizer: Tokenizer | None = None, settings=None, config=None) -> None:
    """The tokenizer and the two settings files, as transformers saves them."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tokenizer or word_piece()
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"mask_token": "[MASK]", "pad_token": "[PAD]", "model_max_length": MAX_LENGTH} | (settings or {})
    config = {"vocab_size": tokenizer.get_vocab_size(), "max_position_embeddings": 512} | (config or {})
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "config.json").write_text(json.dumps(config))


def write_foreign(folder: Path, graphs=None, **kwargs) -> Path:
    """A folder without a manifest; ``graphs`` maps file names to bytes."""
    write_settings(folder, **kwargs)
    for name, graph in (graphs or {"model.onnx": foreign_graph(tables())}).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(graph)
    return folder


def write_native(folder: Path, **kwargs) -> Path:
    """A folder as ``fillmask export`` makes it of a tiny model, with two variants that predict differently."""
    write_settings(folder, **kwargs)
    (folder / "model_fp32.onnx").write_bytes(native_graph(tables(0)))
    (folder / "model_int8.onnx").write_bytes(native_graph(tables(1)))
    write_manifest(folder)
    return folder


def write_weighty(folder: Path, **kwargs) -> Path:
    """The same folder as it is made of larger models: the weights of each variant lie beside its graph."""
    write_native(folder, **kwargs)
    for graph in folder.glob("*.onnx"):
        move_weights_out(graph, f"{graph.name}_data")
    write_manifest(folder)
    return folder


def move_weights_out(graph: Path, location: str) -> None:
    """Leave no weights in a graph, but have it read them from ``location``, in ONNX's form for that."""
    model = onnx.load_from_string(graph.read_bytes())
    onnx.save_model(model, graph, save_as_external_data=True, location=location, size_threshold=0)


def write_manifest(folder: Path, **changes) -> None:
    """List the folder's files as they are now; a change to None leaves the key out."""
    files = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        for path in sorted(folder.iterdir())
        if path.name != "fillmask.json"
    }
    manifest = {"schema_version": 1, "files": files, "variants": variants(folder), "default_variant": "int8"}
    manifest |= {"mask_token": "[MASK]", "max_length": MAX_LENGTH} | changes
    kept = {key: value for key, value in manifest.items() if value is not None}
    (folder / "fillmask.json").write_text(json.dumps(kept))


def variants(folder: Path) -> dict[str, dict[str, str]]:
    """The folder's variants as a manifest lists them, each with its file of weights if there is one."""
    listed = {graph.stem.removeprefix("model_"): {"file": graph.name} for graph in sorted(folder.glob("*.onnx"))}
    for entry in listed.values():
        if (folder / f"{entry['file']}_data").exists():
            entry["weights"] = f"{entry['file']}_data"
    return listed


def brute_force(weights, ids, position: int):
    """The whole vocabulary at one mask, best first: ``(token ids, float64 probabilities)``."""
    logits = weights[0][ids[position - 1]] + weights[1][ids[position + 1]]
    exponentials = np.exp(logits.astype(np.float64) - logits.max())
    order = sorted(range(len(logits)), key=lambda token: (-logits[token], token))
    return order, (exponentials / exponentials.sum())[order]
