"""A graph of each scheme. All but those that exporters ship today start from the same lean graph."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_ir as ir
from optimum.onnxruntime import ORTQuantizer
from optimum.onnxruntime.configuration import AutoQuantizationConfig

from benchmarks.schemes.fixed import by_onnxruntime, min_max
from benchmarks.schemes.per_token import per_token
from benchmarks.schemes.subjects import Subject
from fillmask_export.convert import convert
from fillmask_export.passes import make_lean
from fillmask_export.passes.graph import array_of, constant, insert, replace, tidy
from fillmask_export.probes import Probe
from fillmask_export.quantization import quantize

Quantize = Callable[[ir.Model, list[Probe]], object]
"""Makes a lean graph int8, in place."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """One of what is compared.

    Attributes:
        title: In the tables.
        engine: Whether fillmask's engine is meant to run it, or ONNX Runtime as it comes.
    """

    title: str
    engine: bool = True


DYNAMIC = "dynamic"
SCHEMES = {
    "plain": Scheme("fp32, optimum's export", engine=False),
    "lean": Scheme("fp32, lean graph"),
    DYNAMIC: Scheme("a scale a run and tensor (optimum's int8)", engine=False),
    "dynamic_lean": Scheme("the same on the lean graph"),
    "token": Scheme("a scale a token"),
    "token_smooth": Scheme("a scale a token, even channels, rounding in turn"),
    "min_max": Scheme("a fixed scale, least to largest value"),
    "qlinear": Scheme("a fixed scale, outputs as integers too (QLinearMatMul)"),
    "shipped": Scheme("**a fixed scale, even channels, rounding in turn (shipped)**"),
}
_ON_LEAN: dict[str, Quantize] = {
    "token": lambda model, calibration: per_token(model, calibration, even=False),
    "token_smooth": lambda model, calibration: per_token(model, calibration, even=True),
    "min_max": min_max,
    "shipped": quantize,
}


def path_of(folder: Path, scheme: str) -> Path:
    """Where a scheme's graph lies; its weights are beside it."""
    return folder / scheme / "model.onnx"


def size_of(folder: Path, scheme: str) -> int:
    """Bytes of a scheme's graph and weights."""
    return sum(path.stat().st_size for path in path_of(folder, scheme).parent.iterdir())


def write_graphs(subject: Subject, folder: Path) -> None:
    """Write the graph of every scheme."""
    shutil.rmtree(folder, ignore_errors=True)
    for scheme in SCHEMES:
        path_of(folder, scheme).parent.mkdir(parents=True)
    _trace(subject, folder)
    _lean(folder)
    _dynamic(path_of(folder, "plain"), path_of(folder, DYNAMIC))
    _dynamic_lean(folder)
    by_onnxruntime(path_of(folder, "lean"), path_of(folder, "qlinear"), subject.calibration)
    for scheme in _ON_LEAN:
        _quantize(scheme, subject, folder)


def _trace(subject: Subject, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as traced:
        _save(convert(subject.checkpoint, Path(traced)), path_of(folder, "plain"))


def _lean(folder: Path) -> None:
    model = _load(path_of(folder, "plain"))
    make_lean(model)
    _save(model, path_of(folder, "lean"))


def _quantize(scheme: str, subject: Subject, folder: Path) -> None:
    model = _load(path_of(folder, "lean"))
    _ON_LEAN[scheme](model, subject.calibration)
    _save(model, path_of(folder, scheme))


def _dynamic(source: Path, target: Path) -> None:
    """As ``optimum-cli onnxruntime quantize --avx512_vnni --per_channel`` does."""
    settings = AutoQuantizationConfig.avx512_vnni(is_static=False, per_channel=True)
    # Which is ONNX Runtime's own Attention; that of ONNX itself, which the lean graph has, has no weights to quantize.
    settings.operators_to_quantize = [each for each in settings.operators_to_quantize if each != "Attention"]
    with tempfile.TemporaryDirectory(dir=target.parent.parent) as made, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ORTQuantizer(source).quantize(settings, save_dir=made)
        Path(made, f"{source.stem}_quantized.onnx").rename(target)


def _dynamic_lean(folder: Path) -> None:
    model = _load(path_of(folder, "lean"))
    untie(model)
    with tempfile.TemporaryDirectory(dir=folder) as untied:
        _save(model, Path(untied, "model.onnx"))
        _dynamic(Path(untied, "model.onnx"), path_of(folder, "dynamic_lean"))


def untie(model: ir.Model) -> None:
    """Give the LM head a table of its own, in place, transposed: optimum passes over a product with a shared one."""
    for node in [node for node in model.graph if node.op_type == "FusedMatMul"]:
        table = array_of(node.inputs[1])
        if table is not None:
            head = constant(model, "head", table.T)
            replace(model, node.outputs[0], insert(model, "MatMul", [node.inputs[0], head]))
    tidy(model)


def _load(path: Path) -> ir.Model:
    """With its weights in memory, as passes need it that run the graph."""
    return ir.external_data.load_to_model(ir.load(path))


def _save(model: ir.Model, path: Path) -> None:
    ir.save(model, path, external_data=f"{path.name}_data")


def pairs_fit(path: Path) -> bool:
    """Whether no pair of neighbours in the int8 weights of a graph can overflow 16 bits, as x86 without VNNI adds them.

    Embedding tables, which are looked up and not multiplied with, do not count.
    """
    model = ir.load(path)
    return all(fit(value.const_value.numpy()) for value in _multiplied(model) if value.const_value is not None)


def _multiplied(model: ir.Model) -> list[ir.Value]:
    """The int8 matrices that are not only looked up."""
    integers = [value for value in model.graph.initializers.values() if value.dtype == ir.DataType.INT8]
    matrices = [value for value in integers if value.shape is not None and len(value.shape) == 2]
    return [value for value in matrices if any(node.op_type != "Gather" for node, _ in value.uses())]


def fit(weights: np.ndarray) -> bool:
    """Whether 255 times the weights of one sign of any two neighbours stays within int16; ``int8[K, N]``."""
    padded = np.concatenate([weights, np.zeros((len(weights) % 2, weights.shape[1]))]).astype(np.int32)
    pairs = padded.reshape(-1, 2, weights.shape[1])
    highest, lowest = np.clip(pairs, 0, None).sum(axis=1), np.clip(pairs, None, 0).sum(axis=1)
    return bool(255 * highest.max(initial=0) <= 32767 and 255 * lowest.min(initial=0) >= -32768)
