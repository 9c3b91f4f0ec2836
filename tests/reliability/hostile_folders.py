"""Hostile model folders with matching manifests; each is opened in a process with limited CPU time and memory.

The file outside the folder that a graph or manifest refers to exists and is valid: reading it would give predictions.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.reliability.changed_weights import changed_weights
from tests.reliability.row import Row, Scale
from tests.support import toys, wire

SECONDS = 10
OPEN = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({seconds}, {seconds}))
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
from fillmask import ArtifactError, FillMask, FillMaskError
try:
    fill_mask = FillMask(sys.argv[1], variant="fp32", threads=1)
except ArtifactError:
    sys.exit(3)
try:
    fill_mask.predict(sys.argv[2], truncation="window")
except FillMaskError:
    sys.exit(4)
"""
OUTCOMES = {0: "predicted", 3: "refused", 4: "refused to predict"}
TEXT = "the [MASK] sat on the mat."
Harm = Callable[[Path], None]
LOCATIONS = (
    "*/_ORT_MEM_ADDR_/*",
    "../outside",
    "a/../../outside",
    "{outside}",
    "link/outside",
    "linked",
    "/proc/self/environ",
)
LENGTHS = ({"length": "-1"}, {"offset": "-8"}, {"length": str(1 << 62)}, {"offset": str(1 << 62)})
NAMES = ("../outside", "a/../../outside", "{outside}", "a\\..\\outside", "..", "w\0", "link/outside")


def reads_elsewhere(location: str, folder: Path) -> None:
    """The graph's weights lie outside the folder, or behind a link."""
    outside = beside(folder)
    edit(folder, lambda tensor: set_entry(tensor, "location", location.format(outside=outside)))


def reads_wrongly(entry: dict[str, str], folder: Path) -> None:
    """The graph reads its weights from an offset or length outside the file."""
    edit(folder, lambda tensor: [set_entry(tensor, key, value) for key, value in entry.items()])


def lists_elsewhere(name: str, folder: Path) -> None:
    """The manifest lists a file outside the folder, with its right hash."""
    outside = beside(folder)
    manifest = json.loads((folder / "fillmask.json").read_text())
    named = name.format(outside=outside)
    manifest["files"][named] = manifest["files"]["model_fp32.onnx_data"]
    manifest["variants"]["fp32"]["weights"] = named
    (folder / "fillmask.json").write_text(json.dumps(manifest))


def spells(spell: Callable[[bytes, bytes], bytes], folder: Path) -> None:
    """The graph names a file that the manifest does not list, in a spelling of protobuf."""
    wire.respell(folder / "model_fp32.onnx", spell, "unlisted")
    toys.write_manifest(folder)
    (folder / "unlisted").write_bytes((folder / "model_fp32.onnx_data").read_bytes())


def links_to_another(folder: Path) -> None:
    """The weights are a hard link to another file than the listed one."""
    weights = folder / "model_fp32.onnx_data"
    other = folder.parent / "other"
    other.write_bytes(bytes(weights.stat().st_size))
    weights.unlink()
    weights.hardlink_to(other)


def sparse(folder: Path) -> None:
    """A sparse tensor, which onnx's checker treats differently, reads its values from outside."""
    beside(folder)
    model = onnx.load(folder / "model_fp32.onnx", load_external_data=False)
    dense = next(each for each in model.graph.initializer if each.external_data)
    values = TensorProto()
    values.CopyFrom(dense)
    del values.dims[:]
    values.dims.append(int(np.prod(dense.dims)))
    set_entry(values, "location", "../outside")
    indices = numpy_helper.from_array(np.arange(values.dims[0]), f"{dense.name}_indices")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, list(dense.dims)))
    model.graph.initializer.remove(dense)
    save(folder, model)


def nested(folder: Path) -> None:
    """A graph within a graph reads its weights from outside."""
    beside(folder)
    model = onnx.load(folder / "model_fp32.onnx", load_external_data=False)
    dense = next(each for each in model.graph.initializer if each.external_data)
    inner = TensorProto()
    inner.CopyFrom(dense)
    set_entry(inner, "location", "../outside")
    inner.name, output = "inner", helper.make_tensor_value_info("from_inner", TensorProto.FLOAT, list(dense.dims))
    branch = helper.make_graph([helper.make_node("Identity", ["inner"], ["from_inner"])], "b", [], [output], [inner])
    yes = helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True)))
    chosen = helper.make_node("If", ["yes"], [dense.name], then_branch=branch, else_branch=branch)
    model.graph.initializer.remove(dense)
    for node in (chosen, yes):
        model.graph.node.insert(0, node)
    save(folder, model)


def tokenizes(changes: dict[str, object], folder: Path) -> None:
    """The tokenizer panics or does not terminate."""
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    toys.write_manifest(folder)


def beside(folder: Path) -> Path:
    """Write the file that the folder must not read: its weights under another name, in the parent folder."""
    outside = folder.parent / "outside"
    outside.write_bytes((folder / "model_fp32.onnx_data").read_bytes())
    (folder.parent / "a").mkdir(exist_ok=True)
    return outside


def edit(folder: Path, change: Callable[[TensorProto], object]) -> None:
    model = onnx.load(folder / "model_fp32.onnx", load_external_data=False)
    for tensor in model.graph.initializer:
        if tensor.external_data:
            change(tensor)
    save(folder, model)


def save(folder: Path, model: onnx.ModelProto) -> None:
    """Write a graph and a manifest that lists it, then the links, which a manifest cannot list."""
    (folder / "model_fp32.onnx").write_bytes(model.SerializeToString())
    toys.write_manifest(folder)
    (folder / "link").symlink_to(folder.parent)
    (folder / "linked").symlink_to(folder.parent / "outside")


def set_entry(tensor: TensorProto, key: str, value: str) -> None:
    kept = [entry for entry in tensor.external_data if entry.key != key]
    del tensor.external_data[:]
    tensor.external_data.extend([*kept, onnx.StringStringEntryProto(key=key, value=value)])


def split_by(pattern: str) -> dict[str, object]:
    return {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed", "invert": False}}


BPE = {"type": "BPE", "dropout": None, "unk_token": None, "end_of_word_suffix": None, "fuse_unk": False,
       "continuing_subword_prefix": "#" * 9, "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}  # fmt: skip
MISSING = {"id": "X", "ids": [999], "tokens": ["nowhere"]}
TEMPLATE = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "Y", "type_id": 0}}], "pair": [],
            "special_tokens": {"X": MISSING}}  # fmt: skip
DEEP: dict[str, object] = {"type": "Lowercase"}
for _ in range(150):
    DEEP = {"type": "Sequence", "normalizers": [DEEP]}
TOKENIZERS: dict[str, dict[str, object]] = {
    "a merge that is shorter than the prefix of pieces": {"model": BPE},
    "a merge of tokens that there are not": {"model": BPE | {"merges": [["x", "y"]]}},
    "an unknown token beyond the vocabulary": {"model": {"type": "Unigram", "unk_id": 99, "vocab": [["a", 0.0]]}},
    "an empty vocabulary": {"model": {"type": "Unigram", "unk_id": None, "vocab": []}},
    "an invalid map of characters": {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA/w=="}},
    "a template with a missing token": {"post_processor": TEMPLATE},
    "steps nested 150 deep": {"normalizer": DEEP},
    "an invalid pattern": split_by("("),
    "a pattern that backtracks exponentially": split_by("(a+)+(a+)+(a+)+$"),
}


def harms() -> dict[str, Harm]:
    """The changes to a folder, by name."""
    found: dict[str, Harm] = {f"weights at {place}": partial(reads_elsewhere, place) for place in LOCATIONS}
    found |= {f"weights with {entry}": partial(reads_wrongly, entry) for entry in LENGTHS}
    found |= {f"manifest lists {name!r}": partial(lists_elsewhere, name) for name in NAMES}
    found |= {f"{name} of a file that is not listed": partial(spells, spell) for name, spell in wire.SPELLINGS.items()}
    found |= {"hard link to another file": links_to_another, "sparse tensor": sparse, "nested graph": nested}
    return found | {f"tokenizer with {name}": partial(tokenizes, changes) for name, changes in TOKENIZERS.items()}


def opened(folder: Path) -> tuple[str, float]:
    """The outcome of opening a folder and predicting, and its seconds."""
    text, start = f"{'a' * 60}b {TEXT}", time.monotonic()
    command = [sys.executable, "-c", OPEN.format(seconds=SECONDS), str(folder), text]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=3 * SECONDS)
    except subprocess.TimeoutExpired:
        return "hung", time.monotonic() - start
    return OUTCOMES.get(done.returncode, "died"), time.monotonic() - start


def hostile(scale: Scale) -> list[Row]:
    """Row 15: none reads outside its folder; one that cannot be refused ends at most its own process."""
    outcomes, read_outside, slowest = [], [], 0.0
    chosen = list(harms().items())[:: max(1, int(0.1 / scale.share))]
    for name, harm in chosen:
        with tempfile.TemporaryDirectory() as parent:
            folder = toys.write_weighty(Path(parent) / "model")
            harm(folder)
            outcome, seconds = opened(folder)
        outcomes.append(outcome)
        slowest = max(slowest, seconds)
        if outcome == "predicted" and not name.startswith("tokenizer"):
            read_outside.append(name)
    counts = ", ".join(f"{outcomes.count(each)} {each}" for each in dict.fromkeys(sorted(outcomes)))
    figure = f"of {len(chosen)}: {counts}; {len(read_outside)} read outside {read_outside or ''}".rstrip()
    passed = not read_outside and "hung" not in outcomes and slowest <= SECONDS + 2
    return [Row("files", "hostile folders with a manifest that matches", f"none read outside; ≤ {SECONDS} s of CPU",
                f"{figure}; slowest {slowest:.1f} s", passed), changed_weights(scale)]  # fmt: skip


def control() -> str:
    """The unchanged folder predicts, so the others are refused for their changes."""
    with tempfile.TemporaryDirectory() as parent:
        return opened(toys.write_weighty(Path(parent) / "model"))[0]


MEASURES = (hostile,)
