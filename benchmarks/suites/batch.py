"""Files through ``fillmask.batch`` beside ``predict_many`` on the same texts and cores, and on two actors of Ray.

All run in this process, or in the actors, with loaded models, in interleaved rounds. The rate of Ray begins when each
actor has made its first part: its start takes seconds, whatever the number of rows.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.harness.options import SuiteOptions
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import SEED, run_rounds
from benchmarks.harness.suite import suite_command
from benchmarks.harness.worker import ContenderError
from benchmarks.models.texts import Writer
from fillmask import FillMask, InputError, batch
from fillmask.artifact.folder import EMBEDDED
from fillmask.files.ray_cluster import import_ray

_ROUNDS = {"quick": 3, "full": 9}
_TOKENS = range(8, 15)
_BATCH, _WORKERS = 16, 2
_ROWS, _ROWS_PER_PART = 12_000, 4000  # several parts, as a job has: one part alone is mostly its start and its end
_RAY_PART, _RAY_PARTS = 2000, 6  # rows, and parts
_FORMATS = ("jsonl", "csv", "parquet")
_CASE = {"texts": f"{_TOKENS[0]} to {_TOKENS[-1]} tokens"}


def measure(options: SuiteOptions, _: None = None) -> SuiteResult:
    """Time the library, each format, and Ray where it is installed."""
    rounds = options.rounds or _ROUNDS[options.profile]
    params = {"rounds": rounds, "seed": SEED, "rows": _ROWS, "rows_per_part": _ROWS_PER_PART, "batch_size": _BATCH,
              "workers": _WORKERS, "threads": 1}  # fmt: skip
    result, control = SuiteResult(params | {"ray_rows_per_part": _RAY_PART, "ray_parts": _RAY_PARTS}), "library-again"
    with tempfile.TemporaryDirectory() as folder:
        rates = run_rounds(_blocks(Path(folder)), rounds, "files", controls=[("library", control)])
    result.add(_CASE, "texts/s", rates, precision="int8")
    pairs = [(name, "library") for name in (*_FORMATS, "ray")] + [("ray", "jsonl")]
    result.compare(_CASE, "texts/s", rates.samples, control=("library", control), pairs=pairs)
    return result


def _blocks(folder: Path) -> dict[str, Callable[[], float]]:
    texts, fill_mask = _texts(_ROWS), FillMask(threads=1)
    path, long_path = _write(folder / "in.jsonl", texts), _write(folder / "long.jsonl", _texts(_RAY_PART * _RAY_PARTS))
    formats = {name: partial(_batch_rate, fill_mask, path, folder / name, name) for name in _FORMATS}
    library = partial(_library_rate, fill_mask, texts)
    return {
        "library": library,
        "library-again": library,
        **formats,
        "ray": partial(_ray_rate, long_path, folder / "ray"),
    }


def _texts(number: int) -> list[str]:
    writer, each = Writer(EMBEDDED, "[MASK]"), -(-number // len(_TOKENS))
    texts = [text for tokens in _TOKENS for text in writer.write(tokens, each, SEED)]
    random.Random(SEED).shuffle(texts)  # noqa: S311 -- no secret
    return texts[:number]


def _write(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path


def _library_rate(fill_mask: FillMask, texts: list[str]) -> float:
    start = time.perf_counter()
    results = sum(1 for _ in fill_mask.predict_many(texts, batch_size=_BATCH, workers=_WORKERS))
    return results / (time.perf_counter() - start)


def _batch_rate(fill_mask: FillMask, path: Path, out: Path, output_format: str) -> float:
    start = time.perf_counter()
    counts = batch("predict", path, out, model=fill_mask, output_format=output_format, force=True,
                   rows_per_part=_ROWS_PER_PART, batch_size=_BATCH, workers=_WORKERS)  # fmt: skip
    return counts.rows / (time.perf_counter() - start)


def _ray_rate(path: Path, out: Path) -> float:
    """Rows per second of the parts after the first of each actor, by the times of their files."""
    try:
        ray = import_ray()
    except InputError as error:
        raise ContenderError(str(error)) from error
    if not ray.is_initialized():  # it lives as long as this process, so that its CPU time counts as ours
        ray.init("local", num_cpus=_WORKERS, include_dashboard=False, logging_level="error", log_to_driver=False)
    batch("predict", path, out, rows_per_part=_RAY_PART, force=True, ray="", batch_size=_BATCH, workers=_WORKERS)
    made = sorted(part.stat().st_mtime for part in out.glob("part-*"))
    return _RAY_PART * (_RAY_PARTS - _WORKERS) / (made[-1] - made[_WORKERS - 1])


command = suite_command("batch", measure, "Time files beside the library.", models=())
