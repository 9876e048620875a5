"""Random graphs with positive weights, so that no influence cancels; each row and column of the image perturbed."""

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper, shape_inference

OPSET = 18


def tensor_info(name: str, shape: tuple[int, ...] | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


class Net:
    """A graph under construction; weights are positive, so that no influence cancels."""

    def __init__(self, height: int, width: int, layout: str, seed: int):
        self.layout, self.random = layout, np.random.default_rng(seed)
        # The image as it is, each row changed, each column changed.
        self.batch, self.height, self.width = 1 + height + width, height, width
        shape = (self.batch, 2, height, width) if layout == "nchw" else (self.batch, height, width, 2)
        self.nodes: list[onnx.NodeProto] = []
        self.stored: dict[str, np.ndarray] = {}
        self.shapes: dict[str, tuple[int, ...]] = {"image": shape}
        self.tensors = ["image"]

    def __repr__(self) -> str:
        return "\n".join(
            [f"{self.layout} {self.height}x{self.width}"]
            + [f"{n.op_type} {self._told(n)} {list(n.input)} -> {self.shapes[n.output[0]]}" for n in self.nodes]
            + [f"{k} = {v.tolist()}" for k, v in self.stored.items() if v.size < 9]
        )

    @staticmethod
    def _told(node: onnx.NodeProto) -> dict[str, object]:
        return {a.name: helper.get_attribute_value(a) for a in node.attribute}

    def store(self, value: object, dtype: type = np.int64) -> str:
        name = f"c{len(self.stored)}"
        self.stored[name] = np.asarray(value, dtype)
        return name

    def weights(self, *shape: int) -> str:
        return self.store(self.random.uniform(0.5, 1.5, shape), np.float32)

    def add(self, op: str, *inputs: str, outputs: int = 1, **attributes: object) -> list[str]:
        names = [f"t{len(self.nodes)}_{k}" for k in range(outputs)]
        node = helper.make_node(op, list(inputs), names, **attributes)
        given = [tensor_info(name, self.shapes[name]) for name in inputs if name in self.shapes]
        inferred = shape_inference.infer_shapes(self.model([node], given, names), strict_mode=True, data_prop=True)
        for info in inferred.graph.output:
            self.shapes[info.name] = tuple(d.dim_value for d in info.type.tensor_type.shape.dim)
            assert min(self.shapes[info.name], default=1) > 0, repr(self)
        self.nodes.append(node)
        self.tensors += names
        return names

    def model(self, nodes: list[onnx.NodeProto], inputs: list[object], outputs: list[str]) -> onnx.ModelProto:
        stored = [numpy_helper.from_array(value, name) for name, value in self.stored.items()]
        graph = helper.make_graph(nodes, "net", inputs, [tensor_info(name, None) for name in outputs], stored)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)

    def whole_model(self) -> onnx.ModelProto:
        return self.model(self.nodes, [tensor_info("image", self.shapes["image"])], self.tensors[1:])

    def images(self) -> np.ndarray:
        plain = self.random.uniform(1, 2, (1, 2, self.height, self.width))
        images = np.repeat(plain, self.batch, axis=0)
        for y in range(self.height):
            images[1 + y, :, y] *= 1000
        for x in range(self.width):
            images[1 + self.height + x, ..., x] *= 1000
        return np.float32(images if self.layout == "nchw" else images.transpose(0, 2, 3, 1))

    def run(self) -> dict[str, np.ndarray]:
        names = self.tensors[1:]
        options = onnxruntime.SessionOptions()
        options.log_severity_level, options.intra_op_num_threads = 4, 1
        model = self.whole_model().SerializeToString()
        session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
        return dict(zip(names, session.run(names, {"image": self.images()}), strict=True))


Draw = Callable[[st.SearchStrategy], object]
Step = Callable[[Net, str, Draw], str]


def spatial(net: Net, name: str) -> tuple[int, int]:
    return net.shapes[name][2:4]


def drawn_window(net: Net, name: str, draw: Draw) -> dict[str, object]:
    """Kernel, strides, dilations and pads that leave at least one position."""
    pair = lambda low, high: [draw(st.integers(low, high)) for _ in range(2)]  # noqa: E731
    kernel, strides, dilations = pair(1, 3), pair(1, 3), pair(1, 2)
    window = {"kernel_shape": kernel, "strides": strides, "dilations": dilations}
    if draw(st.integers(0, 3)) == 0 and dilations == [1, 1]:
        return window | {"auto_pad": draw(st.sampled_from(["SAME_UPPER", "SAME_LOWER", "VALID"]))}
    pads = [draw(st.integers(0, (k - 1) * d)) for _ in range(2) for k, d in zip(kernel, dilations, strict=True)]
    return window | {"pads": pads}


def fits(net: Net, name: str, window: dict[str, object]) -> bool:
    reach = [d * (k - 1) + 1 for k, d in zip(window["kernel_shape"], window["dilations"], strict=True)]
    return all(r <= n < 40 for n, r in zip(spatial(net, name), reach, strict=True))


def conv(net: Net, x: str, draw: Draw) -> str:
    window, channels = drawn_window(net, x, draw), net.shapes[x][1]
    if not fits(net, x, window):
        return x
    groups = draw(st.sampled_from([1, channels]))
    kernel = net.weights(2 * groups if channels < 6 else groups, channels // groups, *window["kernel_shape"])
    return net.add("Conv", x, kernel, group=groups, **window)[0]


def pool(net: Net, x: str, draw: Draw) -> str:
    window = drawn_window(net, x, draw)
    op = draw(st.sampled_from(["MaxPool", "AveragePool", "LpPool"]))
    if not fits(net, x, window):
        return x
    if "pads" in window:  # onnxruntime wants them below the kernel
        window["pads"] = [min(p, k - 1) for p, k in zip(window["pads"], window["kernel_shape"] * 2, strict=True)]
    elif any(s > k for s, k in zip(window["strides"], window["kernel_shape"], strict=True)):
        return x  # and SAME to need padding
    if op != "MaxPool":
        del window["dilations"]
    return net.add(op, x, ceil_mode=draw(st.integers(0, 1)) if may_round_up(window) else 0, **window)[0]


def may_round_up(window: dict[str, object]) -> bool:
    """Where no window starts in the padding after the end: onnx and onnxruntime disagree on whether it counts."""
    after = window.get("pads", [9] * 4)[2:]
    return all(s + p <= k for s, p, k in zip(window["strides"], after, window["kernel_shape"], strict=True))


def add_earlier(net: Net, x: str, draw: Draw) -> str:
    alike = [t for t in net.tensors if net.shapes[t] == net.shapes[x]]
    return net.add("Add", x, draw(st.sampled_from(alike)))[0]


def concat_channels(net: Net, x: str, draw: Draw) -> str:
    alike = [t for t in net.tensors if len(net.shapes[t]) == 4 and spatial(net, t) == spatial(net, x)]
    return net.add("Concat", x, draw(st.sampled_from(alike)), axis=1)[0] if net.shapes[x][1] < 6 else x


def through_other_layout(net: Net, x: str, draw: Draw) -> str:
    last = net.add("Relu", net.add("Transpose", x, perm=[0, 2, 3, 1])[0])[0]
    return net.add("Transpose", last, perm=draw(st.sampled_from([[0, 3, 1, 2], [0, 3, 2, 1]])))[0]


def shuffle_channels(net: Net, x: str, draw: Draw) -> str:
    """As exporters write it; with rows and columns apart, or in one axis."""
    b, c, h, w = net.shapes[x]
    if c % 2:
        return x
    positions = draw(st.sampled_from([[h, w], [h * w]]))
    grouped = net.add("Reshape", x, net.store([b, 2, c // 2, *positions]))[0]
    swapped = net.add("Transpose", grouped, perm=[0, 2, 1, *range(3, 3 + len(positions))])[0]
    return net.add("Reshape", swapped, net.store([b, c, h, w]))[0]


def crop(net: Net, x: str, draw: Draw) -> str:
    axis = draw(st.integers(2, 3))
    n = net.shapes[x][axis]
    start, stop = draw(st.integers(0, n // 3)), n - draw(st.integers(0, n // 3))
    step = draw(st.sampled_from([1, 1, 2, -1, -2]))
    first, end = (start, stop) if step > 0 else (stop - 1, start - n - 1)
    return net.add("Slice", x, *(net.store([v]) for v in (first, end, axis, step)))[0]


EXACT: list[Step] = [conv, conv, pool, add_earlier, concat_channels, through_other_layout, shuffle_channels]


def transposed_conv(net: Net, x: str, draw: Draw) -> str:
    if max(spatial(net, x)) > 20:
        return x
    kernel, strides = [draw(st.integers(1, 4)) for _ in range(2)], [draw(st.integers(1, 3)) for _ in range(2)]
    dilations = [draw(st.integers(1, 2)) for _ in range(2)]
    window: dict[str, object] = {"kernel_shape": kernel, "strides": strides, "dilations": dilations}
    reach = [d * (k - 1) for k, d in zip(kernel, dilations, strict=True)]
    how = draw(st.sampled_from(["pads", "SAME_UPPER", "SAME_LOWER", "output_shape"]))
    if how == "pads":
        window["pads"] = [min(draw(st.integers(0, 2)), r // 2) for _ in range(2) for r in reach]
        window["output_padding"] = [draw(st.integers(0, s - 1)) for s in strides]
    elif any(r + 1 < s for r, s in zip(reach, strides, strict=True)):
        return x  # onnxruntime refuses to add positions that no tap reaches
    elif how == "output_shape":
        full = [s * (n - 1) + r + 1 for s, n, r in zip(strides, spatial(net, x), reach, strict=True)]
        # onnx infers no shape for an output smaller than the input
        least = spatial(net, x)
        window["output_shape"] = [max(n - draw(st.integers(0, 3)), m) for n, m in zip(full, least, strict=True)]
    else:
        window["auto_pad"] = how
    return net.add("ConvTranspose", x, net.weights(net.shapes[x][1], 2, *kernel), **window)[0]


def resize(net: Net, x: str, draw: Draw) -> str:
    if not 3 <= min(spatial(net, x)) <= max(spatial(net, x)) <= 20:
        return x
    coordinates = [*["half_pixel"] * 3, "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"]
    mode = draw(st.sampled_from(["nearest", "linear", "cubic"]))
    attributes: dict[str, object] = {"mode": mode, "coordinate_transformation_mode": draw(st.sampled_from(coordinates))}
    if mode == "nearest":
        rounding = st.sampled_from(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
        attributes["nearest_mode"] = draw(rounding)
    elif attributes["coordinate_transformation_mode"] == "half_pixel":
        attributes["antialias"] = draw(st.integers(0, 1))
    if draw(st.booleans()):
        # Not 0.7: onnx and onnxruntime round 20 * float32(0.7) to 13 and 14 positions.
        factors = [draw(st.sampled_from([0.375, 0.5, 1, 1.5, 2, 3])) for _ in range(2)]
        return net.add("Resize", x, "", net.store([1, 1, *factors], np.float32), **attributes)[0]
    sizes = [draw(st.integers(1, 2 * n)) for n in spatial(net, x)]
    return net.add("Resize", x, "", "", net.store([*net.shapes[x][:2], *sizes]), **attributes)[0]


def pad(net: Net, x: str, draw: Draw) -> str:
    mode = draw(st.sampled_from(["constant", "reflect", "edge", "wrap"]))
    if min(spatial(net, x)) < 5 or max(spatial(net, x)) > 30:
        return x
    low = -2 if mode == "constant" else 0
    amounts = [draw(st.integers(low, 3)) for _ in range(4)]
    return net.add("Pad", x, net.store(amounts), "", net.store([2, 3]), mode=mode)[0] if mode != "wrap" else x


def blocks(net: Net, x: str, draw: Draw) -> str:
    b, c, h, w = net.shapes[x]
    if c % 4 == 0 and draw(st.booleans()):
        return net.add("DepthToSpace", x, blocksize=2)[0]
    if c % 4 == 0:  # the same as reshapes
        apart = net.add("Reshape", x, net.store([b, c // 4, 2, 2, h, w]))[0]
        beside = net.add("Transpose", apart, perm=[0, 1, 4, 2, 5, 3])[0]
        return net.add("Reshape", beside, net.store([b, c // 4, 2 * h, 2 * w]))[0]
    if h % 2 or w % 2:
        return x
    if draw(st.booleans()):
        return net.add("SpaceToDepth", x, blocksize=2)[0]
    apart = net.add("Reshape", x, net.store([b, c, h // 2, 2, w // 2, 2]))[0]
    beside = net.add("Transpose", apart, perm=[0, 3, 5, 1, 2, 4])[0]
    return net.add("Reshape", beside, net.store([b, 4 * c, h // 2, w // 2]))[0]


def squeeze_and_excite(net: Net, x: str, draw: Draw) -> str:
    axes = draw(st.sampled_from([[2, 3], [2], [3]]))
    return net.add("Mul", x, net.add("ReduceMean", x, net.store(axes), keepdims=1)[0])[0]


def mix_columns(net: Net, x: str, draw: Draw) -> str:
    return net.add("MatMul", x, net.weights(net.shapes[x][3], 4))[0]


def join_in_space(net: Net, x: str, draw: Draw) -> str:
    axis = draw(st.integers(2, 3))
    first, second = net.add("Split", x, axis=axis, outputs=2, num_outputs=2) if net.shapes[x][axis] > 1 else (x, x)
    return net.add("Concat", *draw(st.permutations([first, second, x])), axis=axis)[0]


def pick(net: Net, x: str, draw: Draw) -> str:
    axis = draw(st.integers(2, 3))
    positions = draw(st.lists(st.integers(-1, net.shapes[x][axis] - 1), min_size=1, max_size=6))
    return net.add("Gather", x, net.store(positions), axis=axis)[0]


def normalize(net: Net, x: str, draw: Draw) -> str:
    return net.add("LpNormalization", x, axis=draw(st.integers(1, 3)), p=1)[0]


RESAMPLED: list[Step] = [
    crop,
    transposed_conv,
    resize,
    pad,
    blocks,
    squeeze_and_excite,
    mix_columns,
    join_in_space,
    pick,
    normalize,
]


def nets(*steps: list[Step]) -> st.SearchStrategy[Net]:
    """Graphs that take one step (or none: no room) from each list in turn."""

    @st.composite
    def build(draw: Draw) -> Net:
        size, layout = st.integers(9, 20), draw(st.sampled_from(["nchw", "nhwc"]))
        net = Net(draw(size), draw(size), layout, draw(st.integers(0, 9)))
        x = net.add("Transpose", "image", perm=[0, 3, 1, 2] if layout == "nhwc" else [0, 1, 2, 3])[0]
        for choice in steps:
            x = draw(st.sampled_from(choice))(net, x, draw)
        return net

    return build()
