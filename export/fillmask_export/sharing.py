"""One table on disk and one in memory, though two operators read it.

ONNX Runtime maps the bytes of an initializer from the file. The LM head packs the table into an order of its own, the
embeddings read a few rows where they lie. As one initializer the packed copy and the whole mapping stay resident; as
two over the same bytes the head's mapping is given back once it is packed, and of the other the rows that were read
are resident. A process after its first answer, int8: MiniLM 100 MB for 111, a random model of XLM-R base's size 424 for
607, of which 79 are the tokenizer's.
"""

from __future__ import annotations

from pathlib import Path

import onnx

_LEAST = 1 << 16  # bytes, from where it is worth a second entry in the graph


def part_readers(path: Path) -> int:
    """Give each operator beside a lookup an initializer of its own over the bytes that the lookup reads.

    Args:
        path: A graph whose weights lie in another file.

    Returns:
        How many initializers were added.
    """
    model = onnx.load(path, load_external_data=False)
    tables = {each.name: each for each in model.graph.initializer if _bytes(each) >= _LEAST}
    looked_up = {node.input[0] for node in model.graph.node if node.op_type == "Gather"} & tables.keys()
    added = 0
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name in looked_up and node.op_type != "Gather":
                node.input[index] = _again(model.graph, tables[name])
                added += 1
    if added:
        onnx.save(model, path)
    return added


def _bytes(tensor: onnx.TensorProto) -> int:
    """How many bytes of the other file a tensor is; 0 if it is in the graph."""
    return next((int(entry.value) for entry in tensor.external_data if entry.key == "length"), 0)


def _again(graph: onnx.GraphProto, tensor: onnx.TensorProto) -> str:
    """Enter a tensor a second time, and give the name of the second entry."""
    name = f"{tensor.name}/packed"
    if all(each.name != name for each in graph.initializer):
        entry = graph.initializer.add()
        entry.CopyFrom(tensor)
        entry.name = name
    return name
