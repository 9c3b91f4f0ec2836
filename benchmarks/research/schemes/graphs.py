"""A graph of each scheme; all but those of today's exporters start from the same lean graph."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx_ir as ir
from optimum.onnxruntime import ORTQuantizer
from optimum.onnxruntime.configuration import AutoQuantizationConfig

from benchmarks.research.schemes.fixed import by_onnxruntime, min_max
from benchmarks.research.schemes.models import Model
from benchmarks.research.schemes.per_token import per_token
from fillmask_export.convert import convert
from fillmask_export.passes import make_lean
from fillmask_export.passes.graph import array_of, constant, insert, replace, tidy
from fillmask_export.probes import Probe
from fillmask_export.quantization import quantize

Quantize = Callable[[ir.Model, list[Probe]], object]
"""Makes a lean graph int8, in place."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """An int8 scheme, or the fp32 graph it is compared with.

    Attributes:
        title: In the tables.
        engine: Whether fillmask's engine runs it, or ONNX Runtime with its defaults.
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
    """Path of a scheme's graph; its weights are in the same folder."""
    return folder / scheme / "model.onnx"


def size_of(folder: Path, scheme: str) -> int:
    """Bytes of a scheme's graph and weights."""
    return sum(path.stat().st_size for path in path_of(folder, scheme).parent.iterdir())


def write_graphs(source: Model, folder: Path) -> None:
    """Write the graph of every scheme."""
    shutil.rmtree(folder, ignore_errors=True)
    for scheme in SCHEMES:
        path_of(folder, scheme).parent.mkdir(parents=True)
    _trace(source, folder)
    _lean(folder)
    _dynamic(path_of(folder, "plain"), path_of(folder, DYNAMIC))
    _dynamic_lean(folder)
    by_onnxruntime(path_of(folder, "lean"), path_of(folder, "qlinear"), source.calibration)
    for scheme in _ON_LEAN:
        _quantize(scheme, source, folder)


def _trace(source: Model, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as traced:
        _save(convert(source.checkpoint, Path(traced)), path_of(folder, "plain"))


def _lean(folder: Path) -> None:
    model = _load(path_of(folder, "plain"))
    make_lean(model)
    _save(model, path_of(folder, "lean"))


def _quantize(scheme: str, source: Model, folder: Path) -> None:
    model = _load(path_of(folder, "lean"))
    _ON_LEAN[scheme](model, source.calibration)
    _save(model, path_of(folder, scheme))


def _dynamic(source: Path, target: Path) -> None:
    """As ``optimum-cli onnxruntime quantize --avx512_vnni --per_channel`` does."""
    settings = AutoQuantizationConfig.avx512_vnni(is_static=False, per_channel=True)
    # This is ONNX Runtime's own Attention. The lean graph has that of ONNX, which has no weights to quantize.
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
    """Give the LM head its own transposed table, in place: optimum skips a product with a shared table."""
    for node in [node for node in model.graph if node.op_type == "FusedMatMul"]:
        table = array_of(node.inputs[1])
        if table is not None:
            head = constant(model, "head", table.T)
            replace(model, node.outputs[0], insert(model, "MatMul", [node.inputs[0], head]))
    tidy(model)


def _load(path: Path) -> ir.Model:
    """Load a graph with its weights in memory; passes that run the graph need them."""
    return ir.external_data.load_to_model(ir.load(path))


def _save(model: ir.Model, path: Path) -> None:
    ir.save(model, path, external_data=f"{path.name}_data")
