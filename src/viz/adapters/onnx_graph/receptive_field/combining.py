"""Values combined position by position, along whole axes, or all with all."""

from collections.abc import Iterable

from viz.adapters.onnx_graph.receptive_field.span import Span
from viz.adapters.onnx_graph.receptive_field.step import NotKnown, Spans, Step, sees

UNARY = """
    Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Cos Cosh Elu Erf Exp FastGelu Floor Gelu HardSigmoid
    HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not QLinearLeakyRelu QLinearSigmoid QuickGelu Reciprocal Relu
    Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu
    Bernoulli CastLike Clip DequantizeLinear Dropout QuantizeLinear Trilu
""".split()
BROADCAST = """
    Add And BiasGelu BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual
    Max Mean Min Mod Mul Or PRelu Pow QLinearAdd QLinearMul Sub Sum Where Xor
""".split()
REDUCTIONS = """
    ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare
""".split()
MIXING = """
    Attention Col2Im Compress DFT Det DynamicQuantizeLinear Einsum FusedMatMul GRU GatherElements GatherND GridSample
    LSTM MaxRoiPool MaxUnpool MultiHeadAttention NonMaxSuppression NonZero OneHot QAttention RNN ReverseSequence
    RoiAlign RotaryEmbedding STFT Scatter ScatterElements ScatterND SkipLayerNormalization TensorScatter Unique
""".split()


@sees(*UNARY)
def position_by_position(step: Step) -> Spans:
    """Each position from itself alone."""
    return step.each(lambda span: span)


@sees("BatchNormalization")
def batch_normalization(step: Step) -> Spans:
    """With stored statistics each position from itself alone; in training mode all from all."""
    return step.everything() if step.attribute("training_mode", 0) else position_by_position(step)


@sees(*BROADCAST, reads=None)
def broadcasting(step: Step) -> Spans:
    """The union of the operands, aligned at the last axis; what has length 1 is seen from everywhere."""
    if step.attribute("axis") is not None and step.image_inputs() != [0]:
        return step.everything()  # before opset 7 the second operand could start at any axis
    return step.union(_aligned(step, position) for position in step.image_inputs())


@sees("Expand")
def expanding(step: Step) -> Spans:
    """Axes of length 1 are repeated. Input 1 is a shape, no operand."""
    if step.output_shape() is None:
        raise NotKnown(f"the shape to which {step.node.name!r} expands")
    return _aligned(step, 0)


def _aligned(step: Step, position: int) -> Spans:
    def through(span: Span) -> Span:
        if span.axis is None:
            return span
        shape, result = step.shape(position), _broadcast_shape(step)
        axis = span.axis + len(result) - len(shape)
        if shape[span.axis] == result[axis] is not None:
            return span.on(axis)
        if shape[span.axis] == 1:
            return span.fixed(shape)
        raise NotKnown(f"how {step.node.name!r} broadcasts")

    return step.each(through, position)


def _broadcast_shape(step: Step) -> tuple[int | None, ...]:
    known = step.output_shape()
    if known is not None:
        return known
    shapes = [step.shape(i) for i, name in enumerate(step.node.input) if name]
    rank = max(len(shape) for shape in shapes)
    columns = zip(*((1,) * (rank - len(shape)) + shape for shape in shapes), strict=True)
    return tuple(_broadcast_length(lengths) for lengths in columns)


def _broadcast_length(lengths: Iterable[int | None]) -> int | None:
    longer = {length for length in lengths if length != 1}
    return longer.pop() if len(longer) == 1 else None if longer else 1


@sees(*REDUCTIONS, "QLinearReduceMean")
def reducing(step: Step) -> Spans:
    """All along the named axes, or along every axis where none is named."""
    axes = step.setting("axes", 5 if step.node.op_type == "QLinearReduceMean" else 1)
    if axes is not None and axes.size:
        return _reduced(step, [step.from_front(int(a)) for a in axes])
    return (
        position_by_position(step) if step.attribute("noop_with_empty_axes", 0) else _reduced(step, range(step.rank()))
    )


@sees("ArgMax", "ArgMin")
def index_of_extreme(step: Step) -> Spans:
    """All along one axis."""
    return _reduced(step, [step.axis(0)])


def _reduced(step: Step, axes: Iterable[int]) -> Spans:
    gone = sorted(axes) if not step.attribute("keepdims", 1) else []
    y, x = step.fixed_along(axes)
    return _without(y, gone), _without(x, gone)


def _without(span: Span, gone: list[int]) -> Span:
    return span if span.axis is None else span.on(span.axis - sum(axis < span.axis for axis in gone))


@sees("Softmax", "LogSoftmax", "Hardmax", "QLinearSoftmax")
def softmax(step: Step) -> Spans:
    """All along one axis; before opset 13 all along it and every later axis."""
    opset = step.attribute("opset", step.opset)  # the quantized operator carries its own
    axis = step.axis(1 if opset is None or opset < 13 else -1)
    last = step.rank() if opset is None or opset < 13 else axis + 1
    return step.fixed_along(range(axis, last))


@sees("TopK")
def largest(step: Step) -> Spans:
    """All along one axis."""
    return step.fixed_along([step.axis(-1)])


@sees("LpNormalization", "LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization")
def normalization_from_an_axis_on(step: Step) -> Spans:
    """All along the axis (and every later one, which LpNormalization leaves alone)."""
    axis = step.axis(-1)
    return step.fixed_along([axis] if step.node.op_type == "LpNormalization" else range(axis, step.rank()))


@sees("InstanceNormalization", "GroupNormalization")
def normalization_over_space(step: Step) -> Spans:
    """All positions, and all channels of a group."""
    return step.fixed_along(range(1, step.rank()))


@sees("MeanVarianceNormalization")
def normalization_over_axes(step: Step) -> Spans:
    """All along the named axes."""
    return step.fixed_along(step.from_front(a) for a in step.attribute("axes", [0, 2, 3]))


@sees("LRN")
def response_normalization(step: Step) -> Spans:
    """Neighbouring channels of the same position."""
    return step.fixed_along([1])


@sees("CumSum", "CumProd")
def cumulating(step: Step) -> Spans:
    """All along one axis, in either direction."""
    axis = step.constants(step.node.input[1])
    if axis is None:
        raise NotKnown(f"the axis of {step.node.name!r} is computed while the model runs")
    return step.fixed_along([step.from_front(int(axis.item()))])


@sees("MatMul", "MatMulInteger", reads=(0, 1))
def matrix_product(step: Step) -> Spans:
    """Rows from the first operand, columns from the second; the contracted axis is seen whole."""
    return _product(step, 0, 1)


@sees("QLinearMatMul", reads=(0, 3))
def quantized_matrix_product(step: Step) -> Spans:
    """The same, with scales and zero points between."""
    return _product(step, 0, 3)


def _product(step: Step, left: int, right: int) -> Spans:
    ranks = {left: step.rank(left), right: step.rank(right)}
    if min(ranks.values()) < 2:
        return step.everything()
    contracted = {left: ranks[left] - 1, right: ranks[right] - 2}
    return step.union(
        _contracted(step, side, contracted[side], max(ranks.values()) - ranks[side])
        for side in (left, right)
        if step.seen(side)
    )


def _contracted(step: Step, side: int, axis: int, added: int) -> Spans:
    shape = step.shape(side)

    def through(span: Span) -> Span:
        # A batch axis of length 1 may be broadcast: its one position is then seen from all.
        repeated = span.axis is not None and span.axis < len(shape) - 2 and shape[span.axis] == 1
        return span.fixed(shape) if repeated or span.axis == axis else span.on((span.axis or 0) + added)

    return step.each(through, side)


@sees("Gemm", reads=(0, 1))
def affine_map(step: Step) -> Spans:
    """Rows from A, columns from B; the contracted axis is seen whole."""
    contracted = {0: 0 if step.attribute("transA", 0) else 1, 1: 1 if step.attribute("transB", 0) else 0}
    return step.union(_rows_or_columns(step, side, contracted[side]) for side in (0, 1) if step.seen(side))


def _rows_or_columns(step: Step, side: int, contracted: int) -> Spans:
    return step.each(lambda s: s.fixed(step.shape(side)) if s.axis == contracted else s.on(side), side)


@sees(*MIXING, reads=None)
def mixing(step: Step) -> Spans:
    """Anything may depend on everything."""
    return step.everything()
