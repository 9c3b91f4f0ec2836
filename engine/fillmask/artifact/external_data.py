"""Files of weights that a graph names, found by a parser of protobuf's wire format.

Protobuf lets a file spell the same name in many ways, so a search for one spelling would miss the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from fillmask.errors import ArtifactError

# The messages of onnx.proto that can contain a tensor, and their fields that can.
MESSAGES: dict[str, dict[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto", 6: "GraphProto", 10: "TensorProto", 11: "GraphProto",
        22: "SparseTensorProto", 23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "TensorProto": {13: "StringStringEntryProto"},
}  # fmt: skip
_ENTRY = "StringStringEntryProto"
_KEY = b"location"
_DEEPEST = 100  # protobuf's own limit
_VARINT, _LEN = 0, 2
_FIXED = {1: 8, 5: 4}  # bytes of a field by its wire type
# ONNX Runtime takes names that begin so for addresses in its own memory; 1.32 has two.
_MEMORY = "*/_ORT_"


def locations(graph: bytes) -> list[str]:
    """Give the names of a graph's files of weights, each once, as the graph has them.

    Messages without the word ``location`` are not parsed: they name no file.

    Args:
        graph: A file of ONNX. What is no protobuf and lacks the word names no file.

    Raises:
        ArtifactError: The graph has the word and cannot be parsed, or a name is not UTF-8.
    """
    found: dict[str, None] = {}
    unread = [("ModelProto", 0, len(graph), 0)]
    for message, start, end, depth in unread:  # the list grows meanwhile
        if graph.find(_KEY, start, end) < 0:
            continue
        if depth > _DEEPEST:
            raise _malformed(start, f"messages nest more than {_DEEPEST} deep")
        fields = _fields(graph, start, end)
        if message == _ENTRY:
            strings = {number: graph[start:end] for number, start, end in fields}  # of a repeated field the last counts
            if strings.get(1) == _KEY:
                found[_decode(strings.get(2, b""), start)] = None
        else:
            inner = MESSAGES[message]
            unread += [(inner[number], *span, depth + 1) for number, *span in fields if number in inner]  # type: ignore[misc]
    return list(found)


def external_files(graph: Path) -> list[str]:
    """Give the names of the files of weights of a graph that no manifest lists, relative to its folder, each once.

    Raises:
        ArtifactError: A name leads out of the folder, or the graph cannot be parsed.
    """
    try:
        names = locations(graph.read_bytes())  # not mapped: a file that becomes shorter would end the process
    except ArtifactError as error:
        raise ArtifactError(f"{graph}: {error}") from error
    for name in names:
        path = PurePosixPath(name)
        strange = not name or "\0" in name or "\\" in name or name.startswith(_MEMORY)
        if strange or path.is_absolute() or ".." in path.parts:
            raise ArtifactError(f"{graph} reads its weights from {name!r}, which is not a file in its folder")
    return names


def inside(folder: Path, name: str) -> Path:
    """Give the path of a file of weights, whose links may lead to the folder or to the hub's cache only.

    Args:
        folder: The graph's folder.
        name: A name that ``external_files`` gave.

    Raises:
        ArtifactError: A link leads elsewhere.
    """
    path, real = folder / name, (folder / name).resolve()
    # The hub's cache has links in models--ORG--NAME/snapshots/COMMIT to files in models--ORG--NAME/blobs.
    snapshots = (parent for parent in folder.absolute().parents if parent.name == "snapshots")
    homes = [folder.resolve(), *((parent.parent / "blobs").resolve() for parent in snapshots)]
    if not any(real.is_relative_to(home) for home in homes):
        raise ArtifactError(f"{path} is a link out of its folder, to {real}; put the file itself in its place")
    return path


def _fields(graph: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The number, start and end of each field of a message that has a length: strings, bytes, messages."""
    while start < end:
        at = start
        tag, start = _varint(graph, start, end)
        kind, size = tag & 7, 0
        if kind == _LEN:
            size, start = _varint(graph, start, end)
        elif kind == _VARINT:
            _, start = _varint(graph, start, end)
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise _malformed(at, f"wire type {kind}, expected 0, 1, 2 or 5")
        if not 8 <= tag < 1 << 32 or size > end - start:
            raise _malformed(at, f"field {tag >> 3} has {size} bytes, {end - start} are left")
        if kind == _LEN:
            yield tag >> 3, start, start + size
        start += size


def _varint(graph: bytes, start: int, end: int) -> tuple[int, int]:
    """A number, and where the next begins; its bytes carry 7 bits each, the lowest first."""
    if start < end and graph[start] < 0x80:  # most numbers
        return graph[start], start + 1
    value = 0
    for index in range(min(10, end - start)):
        byte = graph[start + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80 and value < 1 << 64:
            return value, start + index + 1
    raise _malformed(start, "a number does not end within 10 bytes")


def _decode(name: bytes, start: int) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise _malformed(start, f"the name of a file of weights is not UTF-8: {name[:100]!r}") from error


def _malformed(start: int, what: str) -> ArtifactError:
    return ArtifactError(f"the graph cannot be parsed at byte {start}: {what}; export or download it again")
