"""Malformed requests, missing keys and corrupted files."""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
import time
from pathlib import Path

from fillmask.artifact.folder import EMBEDDED
from tests.reliability.row import Row, Scale
from tests.server import test_auth, test_malformed
from tests.support import malformed
from tests.support.generated import run
from tests.support.serving import KEY, TEXT, serve


def curated(scale: Scale) -> list[Row]:
    """Row 10: malformed requests, each followed by a valid one."""
    cases = malformed.ALL[:: max(1, int(1 / scale.share))]
    wrong, errors, slowest = 0, 0, 0.0
    with serve("--max-top-k", "1000") as server:
        for case in cases:
            with server.connect() as connection:
                start = time.perf_counter()
                with contextlib.suppress(OSError):
                    connection.sendall(case.content)
                reply = test_malformed.first_response(connection, case)
                slowest = max(slowest, time.perf_counter() - start)
            wrong += reply.status not in case.statuses or server.ask(TEXT).status != 200
            errors += reply.status >= 500
    figure = (
        f"{len(cases)} requests: {errors} server errors, {wrong} with another status; slowest {slowest * 1000:.0f} ms"
    )
    return [
        Row("inputs", "curated malformed requests", "0 server errors, documented status", figure, not wrong + errors)
    ]


def generated(scale: Scale) -> list[Row]:
    """Row 11: requests that schemathesis generates from the OpenAPI description."""
    with serve() as server:
        counted = run(server, scale.count(10_000, 200))
        errors = sum(len(server.events("request", status=status)) for status in (500, 502, 503))
    figure = f"{counted.requests} requests: {errors} server errors, {len(counted.failures)} other failures"
    criterion, passed = "0 failures of status, type or schema", not errors and not counted.failures
    return [Row("inputs", "requests generated from the OpenAPI description", criterion, figure, passed)]


def keys(_: Scale) -> list[Row]:
    """Row 17: no route except health responds without a key."""
    wrong = tried = 0
    with serve(environment={"FILLMASK_API_KEY": KEY}) as server:
        right = {"authorization": f"Bearer {KEY}"}
        for method, path in test_auth.routes(server, right):
            for headers in test_auth.REFUSED:
                status = server.request(method, path, headers=headers).status
                tried += 1
                wrong += status != 401 and path not in test_auth.OPEN_PATHS
            wrong += server.request(method, path, headers=right).status in (401, 500)
        leaked = any(KEY in line for line in server.lines)
    figure = f"{tried} requests without the key: {wrong} let in; key in the log: {'yes' if leaked else 'no'}"
    return [Row("inputs", "every route with no key, wrong keys and parts of keys", "only health is open", figure,
                not wrong and not leaked)]  # fmt: skip


def corrupted(scale: Scale) -> list[Row]:
    """Row 14: a model folder with one changed byte is refused before a parser reads it."""
    source, refused, tried = random.Random(11), 0, 0
    flips, cuts = scale.count(500, 6), scale.count(50, 3)
    names = [path.name for path in EMBEDDED.iterdir() if path.name not in {"README.md", "fillmask.json"}]
    with tempfile.TemporaryDirectory() as parent:
        folder = shutil.copytree(EMBEDDED, Path(parent) / "model")
        for index in range(flips + cuts):
            path = folder / source.choice(names)
            content = path.read_bytes()
            place = source.randrange(len(content))
            flipped = bytes([content[place] ^ 1 << source.randrange(8)]) + content[place + 1 :]
            _put(path, content[:place] + (flipped if index < flips else b""))
            refused += _refused(folder, path.name)
            tried += 1
            _put(path, content)
        for name in names:
            (folder / name).rename(folder / "away")
            refused += _refused(folder, name)
            tried += 1
            (folder / "away").rename(folder / name)
    figure = f"{refused} of {tried} refused, the file named"
    return [Row("files", f"{flips} flipped bits, {cuts} truncations, {len(names)} missing files", "all refused", figure,
                refused == tried)]  # fmt: skip


def _put(path: Path, content: bytes) -> None:
    """Replace a file by a new one: a change in place would reach processes that have it mapped into memory."""
    (path.parent / "new").write_bytes(content)
    (path.parent / "new").replace(path)


def _refused(folder: Path, name: str) -> bool:
    from fillmask import ArtifactError, FillMask

    try:
        FillMask(folder, threads=1)
    except ArtifactError as error:
        return name in str(error)
    return name not in (folder / "fillmask.json").read_text()


MEASURES = (curated, generated, keys, corrupted)
