"""Mutated input for the parsers of request bodies, manifests and texts.

Mutations are random, not guided by coverage: the parsers are compiled, and coverage of Python lines does not see them.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

from fillmask import FillMask, FillMaskError
from fillmask.artifact.folder import EMBEDDED
from fillmask.artifact.manifest import read_manifest
from fillmask.server.http_errors import HttpError
from fillmask.server.request import parse
from fillmask.server.schema import FillMaskBody
from fillmask.server.settings import Settings
from tests.reliability.load import texts
from tests.reliability.row import Row, Scale

SPLICES = (
    *(b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b'"', b"\\", b"\\ud800", b"[" * 200, b"{" * 200, b"]", b"}", b":", b","),
    *(b"null", b"NaN", b"1e999", b"-1", b"9" * 40, b"true", b'"inputs":', b'"parameters":{', b'"top_k":', b"\r\n"),
    *("\u202e".encode(), "e\u0301".encode(), "👩‍👩‍👧".encode(), "ﷺ".encode(), b"[MASK]", b"<mask>", b" ", b"_" * 300),
)
LONGEST_S = 1.0


class Held:
    """A file with these bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read_bytes(self) -> bytes:
        return self._content


def mutated(source: random.Random, content: bytes) -> bytes:
    """The bytes with a few flipped bits, splices, cuts or repeats."""
    made = bytearray(content)
    for _ in range(source.randint(1, 4)):
        place = source.randint(0, len(made))
        match source.randrange(5):
            case 0 if place < len(made):
                made[place] ^= 1 << source.randrange(8)
            case 1:
                made[place:place] = source.choice(SPLICES)
            case 2:
                del made[place : place + source.randint(1, 8)]
            case 3:
                made[place:place] = made[place : place + source.randint(1, 64)]
            case _:
                made[place : place + 4] = source.choice(SPLICES)
    return bytes(made)


def corpus(name: str) -> list[bytes]:
    """The seeds of the mutations."""
    if name == "manifests":
        return [(EMBEDDED / "fillmask.json").read_bytes()[:4000], json.dumps(small_manifest()).encode()]
    some = texts(20, 3, 20, seed=1)
    if name == "texts":
        return [text.encode() for text in some]
    bodies = [{"inputs": some[0]}, {"inputs": some[:3], "parameters": {"top_k": 3, "targets": ["town", "hall"]}}]
    return [json.dumps(body).encode() for body in [*bodies, bodies[0] | {"options": {"use_cache": False}}]]


def small_manifest() -> dict[str, object]:
    file = {"sha256": "0" * 64, "bytes": 1}
    return {"schema_version": 1, "files": {"model.onnx": file}, "variants": {"fp32": {"file": "model.onnx"}}}


def targets() -> dict[str, Callable[[bytes], object]]:
    """The parser of each kind of input, by its name."""
    fill_mask = FillMask(threads=1)
    return {
        "bodies": lambda content: parse(content, FillMaskBody, Settings()),
        "manifests": lambda content: read_manifest(Held(content)),
        "texts": lambda content: fill_mask.model.encode(content.decode("utf-8", "surrogateescape"), "right"),
    }


def fuzzed(scale: Scale) -> list[Row]:
    """Row 13: any bytes are accepted or refused, within a second."""
    rows = []
    for name, parser in targets().items():
        count, accepted, slowest, crashes = scale.count(1_000_000, 2000), 0, 0.0, set()
        source, seeds = random.Random(name), corpus(name)
        for _ in range(count):
            content = mutated(source, source.choice(seeds))
            start = time.perf_counter()
            try:
                parser(content)
                accepted += 1
            except (HttpError, FillMaskError):
                pass
            except BaseException as error:  # a panic of a compiled library is not an Exception
                if isinstance(error, KeyboardInterrupt):
                    raise
                crashes.add(f"{type(error).__name__} on {content!r}")
            slowest = max(slowest, time.perf_counter() - start)
        figure = (f"{len(crashes)} crashes in {count:,}, {accepted / count:.0%} accepted and the rest refused; "
                  f"slowest {slowest * 1000:.0f} ms {min(crashes, default='')[:200]}".rstrip())  # fmt: skip
        criterion, passed = "0 crashes, none above 1 s", not crashes and slowest <= LONGEST_S
        rows.append(Row("inputs", f"mutated {name}", criterion, figure, passed))
    return rows


MEASURES = (fuzzed,)
