"""Which node cases float vision models use; `python -m tests.conformance.float_vision` writes the list anew.

A case belongs to the slice when all its operators are among those that image models of the last ten years
contain, its inputs and outputs are tensors of the types that flow through such models, and it is neither a
training case, nor random, nor the same case once more with the operator replaced by its function body.
"""

from pathlib import Path

import onnx
from onnx import TensorProto

from tests.conformance.cases import case_names, load_case

LIST = Path(__file__).with_name("float_vision_cases.txt")

OPERATORS = frozenset(
    """
    Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization
    Cast CastLike Ceil Celu CenterCropPad Clip Col2Im Compress Concat ConcatFromSequence Constant ConstantOfShape Conv
    ConvInteger ConvTranspose Cos Cosh CumSum DeformConv DepthToSpace DequantizeLinear Det Div Dropout
    DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND
    Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization
    HardSigmoid HardSwish Hardmax Identity If InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu
    Less LessOrEqual Log LogSoftmax Loop LpNormalization LpPool MatMul MatMulInteger Max MaxPool MaxRoiPool MaxUnpool
    Mean MeanVarianceNormalization Min Mish Mod Mul Neg NonMaxSuppression NonZero Not OneHot Or PRelu Pad Pow
    QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum
    ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize
    ReverseSequence RoiAlign RotaryEmbedding Round Scan Scatter ScatterElements ScatterND Selu SequenceAt
    SequenceConstruct SequenceEmpty SequenceInsert SequenceLength Shape Shrink Sigmoid Sign Sin Sinh Size Slice
    Softmax Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt Squeeze Sub Sum SwiGLU Swish Tan Tanh
    ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Upsample Where Xor
    """.split()
)
TYPES = frozenset(
    {
        TensorProto.FLOAT,
        TensorProto.DOUBLE,
        TensorProto.FLOAT16,
        TensorProto.UINT8,
        TensorProto.INT8,
        TensorProto.INT32,
        TensorProto.INT64,
        TensorProto.BOOL,
    }
)
# Names tell what a model alone does not: where a case came from and which types it is about inside.
OTHER_KINDS = ("expanded", "training", "bernoulli", "string", "_opt", "seq")
OTHER_TYPES = (
    *("e4m3", "e5m2", "e8m0", "E8M0", "float4", "FLOAT8", "FLOAT4", "bfloat16", "bf16", "BFLOAT16"),
    *("int2", "int4", "INT2", "INT4", "int16", "uint16", "uint32", "uint64"),
)


def is_float_vision(name: str, model: onnx.ModelProto) -> bool:
    """Whether a node case belongs to the slice, by the rule at the top of this file."""
    if any(part in name for part in OTHER_KINDS + OTHER_TYPES):
        return False
    if any(node.domain or node.op_type not in OPERATORS for node in model.graph.node):
        return False
    return all(_is_usual_tensor(value.type) for value in [*model.graph.input, *model.graph.output])


def float_vision_cases() -> tuple[str, ...]:
    """The committed list of names."""
    return tuple(LIST.read_text(encoding="utf-8").split())


def chosen_by_rule() -> list[str]:
    """The names that the rule chooses from the installed onnx package; takes seconds."""
    return [name for name in case_names("node") if is_float_vision(name, load_case("node", name).model)]


def _is_usual_tensor(declared: onnx.TypeProto) -> bool:
    return declared.HasField("tensor_type") and declared.tensor_type.elem_type in TYPES


if __name__ == "__main__":
    LIST.write_text("\n".join(chosen_by_rule()) + "\n", encoding="utf-8")
