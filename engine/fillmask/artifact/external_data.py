"""Files of weights that a graph names."""

from __future__ import annotations

import re
from mmap import ACCESS_READ, mmap
from pathlib import Path, PurePosixPath

# The key "location" as protobuf writes it, and the length of the name that follows: shorter than 128 bytes.
_LOCATION = re.compile(rb"\n\x08location\x12([\x01-\x7f])")


def external_files(graph: Path) -> list[str]:
    """Give the names of a graph's files of weights, relative to its folder, each once.

    Names that lead out of the folder are left out; ONNX Runtime refuses them.
    """
    if not graph.stat().st_size:  # an empty file cannot be mapped
        return []
    with graph.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        found = [content[match.end() : match.end() + match[1][0]] for match in _LOCATION.finditer(content)]
    names = [name.decode("utf-8", errors="replace") for name in dict.fromkeys(found)]
    return [name for name in names if not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts]
