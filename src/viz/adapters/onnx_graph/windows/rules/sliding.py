"""Kernels that slide: a window of the result needs a window of the input, wider by what the kernel sees around it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viz.adapters.onnx_graph.receptive_field.sliding import kernel_of, pad_before
from viz.adapters.onnx_graph.receptive_field.step import NotKnown, Step
from viz.adapters.onnx_graph.windows.building import Building, rows_form
from viz.adapters.onnx_graph.windows.context import Strided, Table
from viz.adapters.onnx_graph.windows.reach import Reach
from viz.adapters.onnx_graph.windows.rules.registry import by_windows
from viz.adapters.onnx_graph.windows.windowed import Whole

# Padding is part of what is gathered; a window has none of its own.
_PADDING = ("pads", "auto_pad", "ceil_mode", "count_include_pad")
_OPSET_WITHOUT_BIAS = 11  # from here on Gemm may go without one
_ZERO_POINT = {"QLinearConv": 2, "ConvInteger": 2, "QLinearAveragePool": 2}


@dataclass(frozen=True)
class Kernel:
    """A kernel's geometry along y and x: taps, strides, dilations, and the padding before the map."""

    taps: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: tuple[int, int]

    @property
    def is_point(self) -> bool:
        """Whether each position that is no padding is computed from itself alone."""
        return self.taps == (1, 1) == self.strides and self.pads == (0, 0)

    @property
    def maps(self) -> tuple[Strided, Strided]:
        """How positions of the result read positions of the input."""
        y, x = (
            Strided(stride, -pad, (taps - 1) * dilation + 1)
            for taps, stride, dilation, pad in zip(self.taps, self.strides, self.dilations, self.pads, strict=True)
        )
        return y, x


@by_windows("Conv", "ConvInteger", "QLinearConv")
def convolution(building: Building, step: Step) -> None:
    """Zeros (the zero point, where numbers are quantized) stand for what lies outside the map."""
    zero = _ZERO_POINT.get(step.node.op_type)
    given = zero is not None and len(step.node.input) > zero
    fill = building.facts.scalar(step.node.input[zero], 0.0) if given and zero is not None else 0.0
    if not (building.facts.by_products and as_product(building, step)):
        _slid(building, step, fill)


@by_windows("MaxPool")
def largest(building: Building, step: Step) -> None:
    """Nothing outside the map is larger than what is inside."""
    if len([name for name in step.node.output if name]) > 1:
        raise Whole("it also gives the places of its maxima, counted in the whole map")
    _slid(building, step, -np.inf)


@by_windows("LpPool")
def lp_norm(building: Building, step: Step) -> None:
    """Zeros add nothing to a sum of powers."""
    _slid(building, step, 0.0)


@by_windows("AveragePool")
def average(building: Building, step: Step) -> None:
    """Zeros stand for the padding; where it is not to be counted, the mean is put right position by position."""
    kernel = _kernel(step)
    source, result = _size(building, step.node.input[0]), _size(building, step.node.output[0])
    corrections = [_correction(step, kernel, k, source[k], result[k]) for k in (0, 1)]
    factor = np.outer(*corrections).astype(np.float32)
    if (factor == 1).all():
        _slid(building, step, 0.0)
        return
    plain = f"{step.node.output[0]}_with_padding"
    reach = _slid(building, step, 0.0, output=plain)
    cells = building.cells_of(reach, of_constant=True)
    at_cells = building.emit("Gather", [building.constant(factor.reshape(-1, 1)), cells], axis=0)
    scale = building.emit("Transpose", [at_cells], perm=[0, 3, 1, 2])
    building.emit("Mul", [plain, scale], output=step.node.output[0])


def _correction(step: Step, kernel: Kernel, k: int, length: int, results: int) -> NDArray[np.float64]:
    """Along one axis: taps of the kernel over taps that count, for each position of the result."""
    taps, stride, dilation, pad = kernel.taps[k], kernel.strides[k], kernel.dilations[k], kernel.pads[k]
    places = np.arange(results)[:, None] * stride - pad + np.arange(taps) * dilation
    inside = (places >= 0) & (places < length)
    if not step.attribute("count_include_pad", 0):
        factor: NDArray[np.float64] = taps / inside.sum(axis=1)
        return factor
    after = (step.attribute("pads") or [0, 0, 0, 0])[2 + k]
    if step.attribute("auto_pad", "NOTSET") not in ("NOTSET", "VALID") or places.max() >= length + after:
        raise Whole("its mean counts a padding of its own")
    return np.ones(results)


def as_product(building: Building, step: Step) -> bool:
    """A kernel of one tap, in float32, as a product of matrices: rows of positions by the weights; whether it is one.

    Rows are what windows are gathered from and put into, so that nothing has to be laid out anew.
    """
    node, source, kernel = step.node, building.window(step.node.input[0]), _kernel(step)
    fits = node.op_type == "Conv" and source.axes == (2, 3) and len(source.shape) == 4 and source.stored is None
    weights = building.facts.constants(node.input[1]) if step.image_inputs() == [0] else None
    if not fits or weights is None or weights.dtype != np.float32 or building.facts.opset < _OPSET_WITHOUT_BIAS:
        return False
    if kernel.taps != (1, 1) or kernel.pads != (0, 0) or step.attribute("group", 1) != 1:
        return False
    reach = building.reach_of(node.output[0], source.axes)
    positions = [np.arange(n) * stride for n, stride in zip(reach.size, kernel.strides, strict=True)]
    if any(at[-1] >= length for at, length in zip(positions, source.reach.size, strict=True)):
        return False  # there is padding after the map
    if kernel.is_point:
        reach, rows = source.reach, rows_form(source.name)
    else:
        building.check_worth(reach)
        y, x = (Table(at.reshape(-1, 1)) for at in positions)
        rows = building.context_in_rows(source, reach, (y, x))
    matrix = building.constant(weights.reshape(weights.shape[0], -1))
    building.emit("Gemm", [rows, matrix, *node.input[2:3]], output=rows_form(node.output[0]), transB=1)
    building.hold(node.output[0], source, reach, in_rows=True)
    return True


def _slid(building: Building, step: Step, fill: float, output: str = "") -> Reach:
    """The node on a window's context; gives the windows of the result."""
    node, source = step.node, building.window(step.node.input[0])
    if source.axes != (2, 3) or len(source.shape) != 4:
        raise Whole("its axes are not those of an image")
    if step.image_inputs() != [0]:
        raise Whole("its weights depend on the image")
    kernel, name = _kernel(step), node.output[0]
    reach = building.reach_of(name, source.axes)
    if kernel.is_point and reach.size == source.reach.size:  # padding after the map makes it larger
        building.copy(node, without=_PADDING)
        reach = source.reach
    else:
        building.check_worth(reach)
        context = building.context(source, reach, kernel.maps, fill)
        twin = building.copy(node, {0: context}, without=_PADDING)
        twin.output[0] = output or name
    building.hold(name, source, reach)
    return reach


def _kernel(step: Step) -> Kernel:
    try:
        taps = kernel_of(step)
    except NotKnown as problem:
        raise Whole(str(problem)) from None
    strides = step.attribute("strides", [1, 1])
    dilations = step.attribute("dilations", [1, 1])
    if len(taps) != 2:
        raise Whole("it does not slide over two axes")
    pads = [pad_before(step, 2 + k, k, (taps[k] - 1) * dilations[k], strides[k]) for k in (0, 1)]
    return Kernel((taps[0], taps[1]), (strides[0], strides[1]), (dilations[0], dilations[1]), (pads[0], pads[1]))


def _size(building: Building, name: str) -> tuple[int, int]:
    shape = building.facts.shape(name)
    if shape is None or len(shape) != 4:
        raise Whole("the size of its map is not known")
    return shape[2], shape[3]
