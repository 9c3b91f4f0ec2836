"""Products a second of runs on a device, beside large products of PyTorch there.

A run's operations are counted on the CPU, in the fp32 graph, for one text; the texts of a batch multiply them.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from benchmarks.contenders.gpu_ import AGAIN, OURS, PEAK
from benchmarks.harness.records import Row
from benchmarks.harness.suite import Found
from benchmarks.harness.validity import narrow
from benchmarks.measures.comparing import compare
from benchmarks.measures.gpu_field import GpuField, Raced, race
from benchmarks.measures.gpu_peak import sizes
from benchmarks.measures.gpu_races import RUN, Pace
from benchmarks.measures.products import count
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer

Shape = tuple[int, int]
"""Texts of a run, and tokens of each."""
_Block = tuple[str, int | Shape]


def roofline(found: Found, field: GpuField, folders: ModelFolders, writer: Writer, pace: Pace) -> None:
    """Time runs and products by turns."""
    counted = {tokens: operations(folders, tokens) for tokens in sorted({tokens for _, tokens in pace.shapes})}
    found.params["operations"] = {f"{tokens} tokens": each for tokens, each in counted.items()}
    blocks: dict[_Block, Callable[[], Any]]
    blocks = {(PEAK, size): _block(field, PEAK, size, 2 * size**3, pace) for size in sizes(field.device)}
    for shape in pace.shapes:
        texts, tokens = shape
        written = writer.write(tokens, texts)
        for name in (OURS, AGAIN):
            blocks[name, shape] = _block(field, name, written, texts * counted[tokens], pace)
    _add(found, field, race(blocks, pace.rounds, "roofline", partial(_settled, pace.shapes)), pace.shapes)


def operations(folders: ModelFolders, tokens: int) -> int:
    """Of the matrix products that the fp32 graph makes for one text with one mask."""
    with tempfile.TemporaryDirectory() as folder:
        options = ort.SessionOptions()
        options.enable_profiling, options.profile_file_prefix = True, str(Path(folder, "run"))
        graph = folders.artifact / folders.manifest["variants"]["fp32"]["file"]
        session: Any = ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        session.run(None, _feeds(session, tokens))
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return sum(count(events, 1).values())


def _feeds(session: Any, tokens: int) -> dict[str, Any]:  # noqa: ANN401 -- onnxruntime has no types
    row = np.ones((1, tokens), dtype=np.int64)
    feeds = {"input_ids": row, "attention_mask": row, "token_type_ids": row - 1, "mask_positions": row[:, :1]}
    return {each.name: feeds[each.name] for each in session.get_inputs()}


def _block(field: GpuField, name: str, what: Any, operations: int, pace: Pace) -> partial[float]:  # noqa: ANN401
    return partial(field.attempt, name, "rate", what=what, operations=operations, seconds=pace.seconds)


def _settled(shapes: Sequence[Shape], given: Mapping[str, Sequence[float]]) -> bool:
    return all(narrow(given.get(str((OURS, shape)), []), given.get(str((AGAIN, shape)), [])) for shape in shapes)


def _add(found: Found, field: GpuField, raced: Raced[_Block], shapes: Sequence[Shape]) -> None:
    precision = field.device.torch_precision
    peaks = {size: raced.values[PEAK, size] for size in sizes(field.device) if (PEAK, size) in raced.values}
    found.rows += [Row(PEAK, precision, {"size": size}, "GOP/s", values) for size, values in peaks.items()]
    best = max(peaks.values(), key=statistics.median, default=[])
    for shape in shapes:
        case = {"tokens": shape[1], "way": f"{RUN} {shape[0]}"}
        for name in (OURS, AGAIN):
            samples, why = raced.values.get((name, shape), []), raced.failed.get((name, shape))
            found.rows.append(Row(name, field.device.precision_of(name), case, "GOP/s", samples, failed=why))
        values = {name: raced.values.get((name, shape), []) for name in (OURS, AGAIN)} | {PEAK: best}
        compare(found, case, values, pairs=[(OURS, PEAK)], again=(OURS, AGAIN), more_is_better=True)
