"""The weights of a layer that is a weighted sum of what lies before it."""

from dataclasses import dataclass

from viz.core.result import FloatArray


@dataclass(frozen=True)
class Kernel:
    """A convolution, or a dense layer as one of 1x1, as the model computes it.

    Attributes:
        layer: the name of its output, before any normalization or activation.
        op: the operator, as in `Layer.op`.
        weights: (outputs, inputs / groups, rows, columns) float32; quantized ones as the numbers they stand for.
        bias: (outputs,), zero where the layer has none.
        source: the layer whose channels its inputs are, one to one: the nearest before it that makes channels (a
            convolution, a sum, a join), what only changes values (normalization, activation, pooling) passed over;
            "" where that is the image or not known.
        on_image: its input is the image, after preprocessing and at most fixed scaling per channel; then
            `image_weights` are (inputs, 3) and `image_offset` (inputs,): input = image_weights @ RGB + image_offset.
        strides, pads, dilations: rows then columns; pads are top, left, bottom, right.
        norm: scale and shift (outputs,) of the normalization with fixed statistics that follows, or None.
    """

    layer: str
    op: str
    weights: FloatArray
    bias: FloatArray
    groups: int = 1
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)
    source: str = ""
    on_image: bool = False
    image_weights: FloatArray | None = None
    image_offset: FloatArray | None = None
    norm: tuple[FloatArray, FloatArray] | None = None
