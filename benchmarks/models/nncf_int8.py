"""OpenVINO's int8: NNCF's quantization of optimum's fp32 export, with the parameters that optimum-intel passes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.models.folders import ModelFolders

SAMPLES = 300
"""Texts that NNCF reads: optimum-intel's default for a masked LM."""


def quantize_for_openvino(folders: ModelFolders, calibration: Path | None, folder: Path) -> None:
    """Quantize ``model.onnx`` of ``folders.optimum``, on the texts that fillmask's int8 is calibrated on.

    Args:
        folders: Of the model; optimum's export is there.
        calibration: Texts, one a line; None takes fillmask's.
        folder: Where ``model.xml`` and ``model.bin`` go.
    """
    import nncf
    import openvino

    model = openvino.Core().read_model(folders.optimum / "model.onnx")
    feeds = list(_feeds(folders, calibration, {each.get_any_name() for each in model.inputs}))
    quantized = nncf.quantize(
        model,
        nncf.Dataset(feeds),
        subset_size=SAMPLES,
        model_type=nncf.ModelType.TRANSFORMER,
        fast_bias_correction=True,
        advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.DISABLE),
    )
    openvino.save_model(quantized, folder / "model.xml", compress_to_fp16=False)


def _feeds(folders: ModelFolders, calibration: Path | None, names: set[str]) -> Iterator[dict[str, NDArray[np.int64]]]:
    """Masked texts, ``int64[1, s]``, spread over all that fillmask calibrates on."""
    from transformers import AutoTokenizer

    from fillmask_export.plan import Plan
    from fillmask_export.verify.eval_data import load_eval_data

    tokenizer = AutoTokenizer.from_pretrained(str(folders.checkpoint))
    plan = Plan(calibration=calibration, texts=folders.texts)
    probes = load_eval_data(tokenizer, plan, folders.manifest["max_length"]).calibration.probes
    for index in np.linspace(0, len(probes) - 1, min(SAMPLES, len(probes)), dtype=int):
        yield probes[index].feeds(names)
