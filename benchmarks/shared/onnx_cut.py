"""For predictors on ONNX Runtime whose graph ends with a linear head: the graph before it.

Needs the package `onnx`, which only servers have that ask for a model in two parts.
"""

from __future__ import annotations

from pathlib import Path

import onnx

_HEAD = ("Softmax", "Add", "MatMul")  # from the output back


def before_head(path: Path) -> bytes:
    """The graph whose output is what the head of this one takes.

    Raises ValueError where the graph ends otherwise.
    """
    model = onnx.load(str(path))
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    name, cut = graph.output[0].name, []
    for kind in _HEAD:
        node = makers.get(name)
        if node is None or node.op_type != kind:
            raise ValueError(f"{path.name} does not end with a linear head and its softmax")
        cut.append(node)
        name = node.input[0]
    own = {node.input[1] for node in cut[1:]}
    constants = [tensor for tensor in graph.initializer if tensor.name in own]
    width = next(tensor.dims[0] for tensor in constants if len(tensor.dims) > 1)
    for node in cut:
        graph.node.remove(node)
    for tensor in constants:
        graph.initializer.remove(tensor)
    graph.output[0].name = name
    graph.output[0].type.tensor_type.shape.dim[1].dim_value = width
    whole: bytes = model.SerializeToString()
    return whole
