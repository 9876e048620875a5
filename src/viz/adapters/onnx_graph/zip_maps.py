"""ZipMap at the end of a classifier: it turns a row of scores into a map from class to score, and is left out."""

import json

import onnx
from onnx import TensorProto, helper

LABELS_KEY = "viz.labels"


def without_zip_maps(model: onnx.ModelProto) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """The model with the scores themselves as outputs in place of maps, and notes for the user.

    The class names of the map become the model's labels where it has none of its own (metadata `viz.labels`).
    A model without ZipMap comes back as it is.
    """
    maps = {node.output[0]: node for node in model.graph.node if _is_zip_map(node)}
    shown = [value.name for value in model.graph.output if value.name in maps]
    if not shown:
        return model, ()
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    nodes = [node for node in plain.graph.node if not (_is_zip_map(node) and node.output[0] in shown)]
    del plain.graph.node[:]
    plain.graph.node.extend(nodes)
    for value in plain.graph.output:
        if value.name in shown:
            scores = maps[value.name].input[0]
            value.CopyFrom(helper.make_tensor_value_info(scores, TensorProto.FLOAT, None))
    _name_classes(plain, maps[shown[0]])
    return plain, ("ZipMap is left out: the scores are read before they become maps from class to score",)


def _is_zip_map(node: onnx.NodeProto) -> bool:
    return bool(node.op_type == "ZipMap" and node.domain == "ai.onnx.ml")


def _name_classes(model: onnx.ModelProto, node: onnx.NodeProto) -> None:
    if any(entry.key == LABELS_KEY for entry in model.metadata_props):
        return
    for attribute in node.attribute:
        names = [name.decode("utf-8", "replace") for name in attribute.strings]
        if attribute.name == "classlabels_strings" and names:
            model.metadata_props.add(key=LABELS_KEY, value=json.dumps(names))
