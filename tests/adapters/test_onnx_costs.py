"""Parameters and multiply-accumulates of nodes, with answers counted by hand."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from viz.adapters.onnx_graph.costs import macs_of, parameter_counts, parameters_of


def graph_of(*nodes: onnx.NodeProto, **stored: np.ndarray) -> onnx.GraphProto:
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()]
    return helper.make_graph(list(nodes), "costs", [], [], tensors)


def node(op: str, *inputs: str, output: str = "y", **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op, list(inputs), [output], **attributes)


def parameters(op: str, *inputs: str, **stored: np.ndarray) -> int:
    graph = graph_of(node(op, *inputs), **stored)
    return parameters_of(graph, graph.node[0])


def macs(op: str, *shapes: tuple[int | None, ...], output: tuple[int | None, ...], **attributes: object) -> int | None:
    names = [f"x{k}" for k in range(len(shapes))]
    known = dict(zip([*names, "y"], [*shapes, output], strict=True))
    return macs_of(node(op, *names, **attributes), known, lambda name: None)


def test_a_convolution_owns_its_kernel_and_bias():
    assert parameters("Conv", "x", "w", "b", w=np.zeros((8, 3, 5, 5), np.float32), b=np.zeros(8, np.float32)) == 608


def test_batch_normalization_owns_scale_and_shift_but_not_its_statistics():
    eight = np.zeros(8, np.float32)
    assert parameters("BatchNormalization", "x", "s", "b", "m", "v", s=eight, b=eight, m=eight, v=eight) == 16


def test_weights_count_once_where_they_are_dequantized_or_recast_on_the_way():
    kernel, scale = np.zeros((8, 3, 5, 5), np.int8), np.zeros(8, np.float32)
    nodes = [
        node("DequantizeLinear", "w", "scale", output="real"),
        node("Cast", "real", output="cast", to=TensorProto.FLOAT),
        node("Conv", "x", "cast"),
        node("QuantizeLinear", "y", "scale", output="q"),
    ]
    assert parameter_counts(graph_of(*nodes, w=kernel, scale=scale)) == [0, 0, 600, 0]


def test_weights_in_constant_nodes_count():
    weights = numpy_helper.from_array(np.zeros((7, 2), np.float32))
    graph = graph_of(node("Constant", output="w", value=weights), node("MatMul", "x", "w"))
    assert parameter_counts(graph) == [0, 14]


def test_a_quantized_convolution_owns_kernel_and_bias_but_no_scales():
    inputs = ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"]
    stored = {"w": np.zeros((4, 3, 1, 1), np.int8), "ws": np.zeros(4, np.float32), "wz": np.zeros(4, np.int8)}
    assert parameters("QLinearConv", *inputs, b=np.zeros(4, np.int32), xs=np.float32(1), **stored) == 16


def test_a_sum_owns_a_bias_but_a_single_number_is_a_setting():
    assert parameters("Add", "x", "b", b=np.zeros(10, np.float32)) == 10
    assert parameters("Div", "x", "six", six=np.float32(6)) == 0


@pytest.mark.parametrize("op", ["Reshape", "Slice", "Gather", "Resize", "Clip", "Transpose"])
def test_shapes_indices_and_settings_are_no_parameters(op):
    settings = np.ones(4, np.float32 if op in ("Resize", "Clip") else np.int64)
    assert parameters(op, "x", "settings", settings=settings) == 0


def test_a_looked_up_table_is_a_parameter():
    assert parameters("Gather", "table", "x", table=np.zeros((9, 2), np.float32)) == 18


def test_a_convolution_multiplies_each_tap_at_each_position():
    assert macs("Conv", (1, 3, 8, 8), (16, 3, 3, 3), output=(1, 16, 4, 4)) == 16 * 16 * 27
    assert macs("Conv", (1, 6, 8, 8), (6, 1, 3, 3), output=(1, 6, 8, 8), group=6) == 6 * 64 * 9


def test_a_transposed_convolution_multiplies_each_tap_at_each_input_position():
    assert macs("ConvTranspose", (1, 6, 4, 4), (6, 2, 3, 3), output=(1, 2, 9, 9)) == 6 * 16 * 2 * 9


def test_matrix_products_multiply_along_the_contracted_axis():
    assert macs("Gemm", (1, 12), (5, 12), output=(1, 5), transB=1) == 60
    assert macs("Gemm", (12, 1), (12, 5), output=(1, 5), transA=1) == 60
    assert macs("MatMul", (1, 4, 7, 3), (1, 4, 3, 9), output=(1, 4, 7, 9)) == 4 * 7 * 9 * 3
    assert macs("QLinearMatMul", (7, 3), (), (), (3, 9), (), (), (), (), output=(7, 9)) == 7 * 9 * 3
    assert macs("QLinearConv", (1, 3, 8, 8), (), (), (2, 3, 1, 1), output=(1, 2, 8, 8)) == 2 * 64 * 3


def test_kernels_whose_shape_was_not_inferred_are_measured():
    kernel = np.zeros((2, 3, 1, 1), np.float32)
    assert macs_of(node("Conv", "x", "w"), {"y": (1, 2, 8, 8)}, {"w": kernel}.get) == 2 * 64 * 3


def test_what_multiplies_no_matrices_is_free():
    assert macs("Relu", (1, 3, 8, 8), output=(1, 3, 8, 8)) == 0


def test_unknown_shapes_give_no_figure_rather_than_zero():
    assert macs("Conv", (1, 3, None, None), (2, 3, 1, 1), output=(1, 2, None, None)) is None
    assert macs_of(node("MatMul", "x", "w"), {"y": (1, 4)}, lambda name: None) is None
    assert macs_of(node("Conv", "x", "w"), {"x": (1, 3, 8, 8), "y": (1, 2, 8, 8)}, lambda name: None) is None
    assert macs("LSTM", (1, 2, 3), (1, 12, 3), output=(1, 1, 2, 3)) is None


# MACs from the papers' or torchvision's tables (in millions); parameters with batch normalization folded in.
PUBLISHED = [
    ("mobilenetv2_fp32", 300.8, 3.488),
    ("squeezenet1.1_fp32", 349.2, 1.235),
    ("shufflenet-v2-12-int8", 145, 2.27),
]


@pytest.mark.shared
@pytest.mark.parametrize(("name", "millions", "parameters"), PUBLISHED)
def test_published_networks_cost_what_is_published(shared_data, name, millions, parameters):
    model = onnx.load(shared_data / "models" / "imagenet" / f"{name}.onnx")
    stored = {tensor.name for tensor in model.graph.initializer}
    image = next(value for value in model.graph.input if value.name not in stored)
    image.type.tensor_type.shape.dim[0].dim_value = 1
    graph = onnx.shape_inference.infer_shapes(model).graph
    shapes = {v.name: tuple(d.dim_value or None for d in v.type.tensor_type.shape.dim) for v in graph.value_info}
    shapes |= {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    shapes |= {v.name: tuple(d.dim_value or None for d in v.type.tensor_type.shape.dim) for v in graph.output}
    costs = [macs_of(n, shapes, lambda name: None) for n in graph.node]
    assert None not in costs
    assert sum(costs) / 1e6 == pytest.approx(millions, rel=0.01)
    assert sum(parameter_counts(graph)) / 1e6 == pytest.approx(parameters, rel=0.01)
