"""Models of ONNX in every spelling that protobuf allows, encoded here by hand."""

from __future__ import annotations

from pathlib import Path
from random import Random

import onnx

NAMES = ["w", "../w", "model.onnx_data", "", "naïve 模型", "location", "x" * 300]


def varint(number: int, *, least: int = 1) -> bytes:
    """A number in at least so many bytes: zeros above the number change nothing."""
    groups = [number >> 7 * index & 0x7F for index in range(max(least, -(-number.bit_length() // 7)))]
    return bytes([group | 0x80 for group in groups[:-1]] + groups[-1:])


def field(number: int, content: bytes, *, least: int = 1) -> bytes:
    """A field that has a length."""
    return varint(number << 3 | 2, least=least) + varint(len(content), least=least) + content


SPELLINGS = {
    "usual": lambda key, value: field(1, key) + field(2, value),
    "value before key": lambda key, value: field(2, value) + field(1, key),
    "length in two bytes": lambda key, value: b"\x0a" + varint(len(key), least=2) + key + field(2, value),
    "tags in three bytes": lambda key, value: field(1, key, least=3) + field(2, value, least=3),
    "unknown fields": lambda key, value: field(1, key) + field(15, b"x") + b"\x80\x01\x05" + field(2, value),
    "value twice": lambda key, value: field(1, key) + field(2, b"model_fp32.onnx_data") + field(2, value),
    "key twice": lambda key, value: field(1, b"offset") + field(2, value) + field(1, key),
    "fixed numbers between": lambda key, value: b"\x99\x01" + bytes(8) + field(2, value) + b"\x9d\x01" + bytes(4)
    + field(1, key),
}  # fmt: skip


def respell(path: Path, spell, location: str) -> None:
    """Have a graph read its weights from another place, in a spelling."""
    model = onnx.load(path, load_external_data=False)
    tensors = []
    for tensor in model.graph.initializer:
        entries = [(entry.key, location if entry.key == "location" else entry.value) for entry in tensor.external_data]
        del tensor.external_data[:]
        spelled = b"".join(field(13, spell(key.encode(), value.encode())) for key, value in entries)
        tensors.append(field(5, tensor.SerializeToString() + spelled))
    del model.graph.initializer[:]
    graph = model.graph.SerializeToString() + b"".join(tensors)
    model.ClearField("graph")
    path.write_bytes(model.SerializeToString() + field(7, graph))


def model(messages: dict[str, dict[int, str]], rng: Random) -> bytes:
    """A model with files of weights in any message that can have them, in any order and spelling.

    Args:
        messages: The fields by message that lead to tensors.
        rng: Draws it.
    """
    return _message("ModelProto", messages, rng, depth=8)


def _message(name: str, messages: dict[str, dict[int, str]], rng: Random, *, depth: int) -> bytes:
    if name == "StringStringEntryProto":
        return b"".join(_part_of_entry(rng) for _ in range(rng.randrange(5)))
    found = [_unknown(rng) for _ in range(rng.randrange(3))]
    for number, kind in rng.choices([*messages[name].items()], k=rng.choice((1, 1, 1, 2, 3))) if depth else ():
        content = _message(kind, messages, rng, depth=depth - 1)
        found.insert(rng.randrange(len(found) + 1), field(number, content, least=rng.randrange(1, 6)))
    return b"".join(found)


def _part_of_entry(rng: Random) -> bytes:
    number = rng.choice((1, 1, 2, 2, 15))
    strings = [b"location", b"location", b"offset", b"locations"] if number == 1 else [name.encode() for name in NAMES]
    return field(number, rng.choice(strings), least=rng.randrange(1, 6))


def _unknown(rng: Random) -> bytes:
    """A field that no message of onnx.proto has."""
    number = rng.randrange(200, 300)
    return rng.choice((
        field(number, field(1, b"location") + field(2, b"unknown")),
        varint(number << 3) + varint(rng.randrange(1 << 40), least=rng.randrange(1, 11)),
        varint(number << 3 | 1) + rng.randbytes(8),
        varint(number << 3 | 5) + rng.randbytes(4),
    ))  # fmt: skip
