"""Kernels that slide: convolution, pooling and transposed convolution."""

from fractions import Fraction

from viz.adapters.onnx_graph.receptive_field.span import Span
from viz.adapters.onnx_graph.receptive_field.step import NotKnown, Spans, Step, sees


@sees("Conv", "ConvInteger", "QLinearConv", "NhwcConv")
def convolution(step: Step) -> Spans:
    """Every tap of the kernel, over all channels."""
    return _slid(step, mixes_channels=True)


@sees("FusedConv", "NhwcFusedConv", reads=(0, 3))
def convolution_and_sum(step: Step) -> Spans:
    """A convolution to which input 3, where there is one, is added as it is."""
    convolved, added = [convolution(step)] if step.seen(0) else [], step.seen(3)
    return step.union([*convolved, added] if added else convolved)


@sees("MaxPool", "AveragePool", "LpPool", "QLinearAveragePool", "NhwcMaxPool")
def pooling(step: Step) -> Spans:
    """Every tap of the kernel, channel by channel. (`ceil_mode` adds positions at the end and moves none.)"""
    return _slid(step, mixes_channels=False)


@sees("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "QLinearGlobalAveragePool")
def global_pooling(step: Step) -> Spans:
    """All positions of every spatial axis."""
    first = _first_spatial_axis(step)
    return step.fixed_along(range(first, first + step.rank() - 2))


@sees("ConvTranspose")
def transposed_convolution(step: Step) -> Spans:
    """Output i reads input j where `j * stride = i + pad - tap * dilation`: a hull over the phases."""
    return step.each(lambda span: _spread(step, span))


def _slid(step: Step, *, mixes_channels: bool) -> Spans:
    first, kernel = _first_spatial_axis(step), kernel_of(step)
    channels = first - 1 if first == 2 else first + len(kernel)

    def through(span: Span) -> Span:
        if span.axis is None:
            return span
        if first <= span.axis < first + len(kernel):
            return _windows(step, span, span.axis - first, kernel)
        return span.fixed(step.shape()) if mixes_channels and span.axis == channels else span

    return step.each(through)


def _windows(step: Step, span: Span, k: int, kernel: tuple[int, ...]) -> Span:
    stride, reach = _stride(step, k), _reach(step, k, kernel)
    first = -pad_before(step, span.axis or 0, k, reach, stride)
    return span.reading(stride, first, first + reach)


def pad_before(step: Step, axis: int, k: int, reach: int, stride: int) -> int:
    """Positions of padding before the map along one axis, the k-th of the kernel's.

    `reach` is the distance from the first tap of the kernel to the last. Raises `NotKnown`.
    """
    mode = step.attribute("auto_pad", "NOTSET")
    if mode == "VALID":
        return 0
    if mode == "NOTSET":
        return int(step.attribute("pads", [0] * (k + 1))[k])
    length = step.length(axis)
    padding = max((-(-length // stride) - 1) * stride + reach + 1 - length, 0)
    return padding // 2 if mode == "SAME_UPPER" else padding - padding // 2


def _spread(step: Step, span: Span) -> Span:
    if span.axis is None:
        return span
    if span.axis < 2:
        return span.fixed(step.shape()) if span.axis == 1 else span
    k = span.axis - 2
    stride, reach = _stride(step, k), _reach(step, k, kernel_of(step))
    least, most = _cropped_before(step, span, k, reach, stride)
    return span.reading(Fraction(1, stride), Fraction(least - reach, stride), Fraction(most, stride))


def _cropped_before(step: Step, span: Span, k: int, reach: int, stride: int) -> tuple[int, int]:
    """Least and most positions that the pads cut off at the start."""
    mode, wanted = step.attribute("auto_pad", "NOTSET"), step.attribute("output_shape")
    if wanted is None and mode in ("NOTSET", "VALID"):
        pads = step.attribute("pads") if mode == "NOTSET" else None
        return (pads[k], pads[k]) if pads else (0, 0)
    length = step.length(span.axis or 0)
    # `output_shape` may name the spatial axes only, or all axes.
    target = wanted[k - len(kernel_of(step))] if wanted else length * stride
    extra = step.attribute("output_padding", [0] * (k + 1))[k]
    total = max(stride * (length - 1) + extra + reach + 1 - target, 0)
    # Which side gets an odd one has changed between versions of the runtimes: allow for both.
    return total // 2, total - total // 2


def _stride(step: Step, k: int) -> int:
    return int(step.attribute("strides", [1] * (k + 1))[k])


def _reach(step: Step, k: int, kernel: tuple[int, ...]) -> int:
    """Distance from the first tap of the kernel to the last."""
    return int(step.attribute("dilations", [1] * (k + 1))[k]) * (kernel[k] - 1)


def kernel_of(step: Step) -> tuple[int, ...]:
    """Taps along each axis. Raises `NotKnown`."""
    sizes = step.attribute("kernel_shape")
    if sizes is None and _first_spatial_axis(step) == 2:
        sizes = step.shape(3 if step.node.op_type == "QLinearConv" else 1)[2:]
    if sizes is None or None in sizes:
        raise NotKnown(f"the kernel of {step.node.name!r} is not known")
    return tuple(int(size) for size in sizes)


def _first_spatial_axis(step: Step) -> int:
    return 1 if step.attribute("channels_last", 0) or step.node.op_type.startswith("Nhwc") else 2
