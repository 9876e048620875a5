"""Resolution changed without weights: resizing, and pixels moved between channels and space."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from viz.adapters.onnx_graph.receptive_field.span import Span
from viz.adapters.onnx_graph.receptive_field.step import NotKnown, Spans, Step, sees

Coordinates = NDArray[np.float64]


@sees("DepthToSpace")
def depth_to_space(step: Step) -> Spans:
    """Output i reads input i // block, from other channels."""
    block = int(step.attribute("blocksize"))
    return _between_channels_and_space(step, Fraction(1, block), Fraction(1 - block, block), Fraction(0))


@sees("SpaceToDepth")
def space_to_depth(step: Step) -> Spans:
    """Output i reads one of the inputs i * block to i * block + block - 1, which one depends on the channel."""
    block = int(step.attribute("blocksize"))
    return _between_channels_and_space(step, Fraction(block), Fraction(0), Fraction(block - 1))


def _between_channels_and_space(step: Step, stride: Fraction, first: Fraction, last: Fraction) -> Spans:
    def through(span: Span) -> Span:
        if span.axis == 1:
            return span.fixed(step.shape())
        return span.reading(stride, first, last) if span.axis in (2, 3) else span

    return step.each(through)


@sees("Resize", "Upsample")
def resize(step: Step) -> Spans:
    """The inputs that interpolation reads, as a window that holds those of every output position."""
    return step.each(lambda span: span if span.axis is None else _resized(step, span, span.axis))


def _resized(step: Step, span: Span, axis: int) -> Span:
    length = step.length(axis)
    scale, resized = _scale_and_length(step, axis, length)
    mode = step.attribute("coordinate_transformation_mode", "asymmetric" if _is_legacy(step) else "half_pixel")
    if mode == "tf_crop_and_resize":
        return span.fixed(step.shape())  # the region of interest may be anywhere
    if scale == 1 and resized == length and mode != "tf_half_pixel_for_nn":
        return span
    centres = _coordinates(mode, scale, length, resized)
    first, last = _neighbours(step, centres, scale, _rounding_doubt(mode, scale))
    reads = np.clip([first, last], 0, length - 1).astype(int).T.tolist()
    step_back = Fraction(length - 1, resized - 1) if mode == "align_corners" and resized > 1 else 1 / Fraction(scale)
    return span.reading_ranges(reads, step_back.limit_denominator(1 << 16))


def _scale_and_length(step: Step, axis: int, length: int) -> tuple[float, int]:
    """Output positions per input position, and the number of output positions."""
    if step.attribute("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise NotKnown("sizes that keep the aspect ratio")
    scales = step.setting("scales", 1 if _is_legacy(step) else 2)
    axes = [step.from_front(a) for a in step.attribute("axes", range(step.rank()))]
    if axis not in axes:
        return 1.0, length
    if scales is not None and scales.size:
        scale = np.float32(scales[axes.index(axis)])
        return float(scale), int(np.floor(np.float32(length) * scale))  # in float32, as the runtime does
    shape = step.output_shape()
    resized = shape[axis] if shape is not None else None
    if resized is None:
        resized = _constant_size(step, axes.index(axis))
    return resized / length, resized


def _constant_size(step: Step, index: int) -> int:
    sizes = step.setting("sizes", 3)
    if sizes is None:
        raise NotKnown(f"{step.node.name!r} has neither sizes nor scales")
    return int(sizes[index])


def _coordinates(mode: str, scale: float, length: int, resized: int) -> Coordinates:
    """Where each output position falls on the input axis (ONNX operators, Resize)."""
    i = np.arange(resized, dtype=np.float64)
    if mode == "align_corners" or (mode == "pytorch_half_pixel" and resized == 1):
        return i * (length - 1) / max(resized - 1, 1)
    if mode in ("half_pixel", "pytorch_half_pixel"):
        return (i + 0.5) / scale - 0.5
    if mode == "half_pixel_symmetric":
        return length / 2 * (1 - resized / (scale * length)) + (i + 0.5) / scale - 0.5
    if mode == "tf_half_pixel_for_nn":
        return (i + 0.5) / scale
    if mode == "asymmetric":
        return i / scale
    raise NotKnown(f"coordinate mode {mode!r}")


def _neighbours(step: Step, x: Coordinates, scale: float, doubt: float) -> tuple[Coordinates, Coordinates]:
    """First and last input position read for each coordinate."""
    low, high = x - doubt, x + doubt
    mode = step.attribute("mode", "nearest")
    if mode == "nearest":
        return _nearest(step, low, scale)[0], _nearest(step, high, scale)[1]
    support = 2 if mode == "cubic" else 1
    if step.attribute("antialias", 0) and scale < 1:
        return np.floor(low - support / scale) - 1, np.ceil(high + support / scale) + 1
    return (np.floor(low) - 1, np.floor(high) + 2) if mode == "cubic" else (np.floor(low), np.ceil(high))


def _nearest(step: Step, x: Coordinates, scale: float) -> tuple[Coordinates, Coordinates]:
    if _is_legacy(step):
        return np.floor(x), np.ceil(x) if scale < 1 else np.floor(x)
    rounded = {
        "round_prefer_floor": np.ceil(x - 0.5),
        "round_prefer_ceil": np.floor(x + 0.5),
        "floor": np.floor(x),
        "ceil": np.ceil(x),
    }[step.attribute("nearest_mode", "round_prefer_floor")]
    return rounded, rounded


def _rounding_doubt(mode: str, scale: float) -> float:
    """How far the runtime's float32 coordinate may be from ours; 0 for scales whose quotients are exact."""
    exact = mode not in ("align_corners", "half_pixel_symmetric") and (scale * 64).is_integer()
    return 0.0 if exact else 1e-3


def _is_legacy(step: Step) -> bool:
    """Upsample, and Resize of opset 10: scales are input 1, coordinates are asymmetric, rounding is the runtime's."""
    return step.node.op_type == "Upsample" or len(step.node.input) == 2
