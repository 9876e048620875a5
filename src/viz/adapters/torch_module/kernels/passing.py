"""Whose channels an operation's result has, from whose channels its inputs have."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from viz.adapters.reshaped_axis import reshaped_axis
from viz.adapters.torch_module.kernels.arguments import named, order_of
from viz.adapters.torch_module.kernels.flow import Flow, Flows
from viz.adapters.torch_module.values import tensors_in
from viz.adapters.torch_module.watch import Step

_SAME = frozenset("dropout dropout2d contiguous to float clone detach alias type type_as feature_dropout".split())
_CHANGED = frozenset(
    "relu relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish sigmoid logsigmoid hardsigmoid hardswish hardtanh "
    "tanh softplus softsign tanhshrink threshold softmax log_softmax clamp clamp_min clamp_max clip abs sqrt rsqrt exp "
    "log pow neg square reciprocal erf half double bfloat16 batch_norm native_batch_norm_legit_no_training "
    "instance_norm group_norm layer_norm rms_norm local_response_norm normalize native_layer_norm native_group_norm "
    "max_pool2d avg_pool2d lp_pool2d adaptive_avg_pool2d adaptive_max_pool2d max_pool2d_with_indices "
    "fractional_max_pool2d interpolate upsample upsample_nearest2d upsample_bilinear2d alpha_dropout".split()
)
_ARITHMETIC = frozenset(
    "add radd iadd sub rsub isub subtract mul rmul imul multiply div rdiv truediv rtruediv itruediv true_divide "
    "divide".split()
)
_JOINING = _ARITHMETIC | frozenset(
    "cat concat maximum minimum max min where lerp chunk split split_with_sizes unbind getitem narrow slice "
    "tensor_split index_select roll".split()
)
_RESHAPES = frozenset("reshape view flatten squeeze unsqueeze unflatten view_as reshape_as".split())


def passed(step: Step, flows: Flows) -> list[Flow | None]:
    """A flow for each of the step's tensors."""
    results = [tensor for _, tensor in step.tensors]
    found = _first(step, flows, results[0])
    if found is not None:
        return [found, *(None for _ in results[1:])]
    if step.op in _JOINING:
        return [_joined(step, name, result, flows) for name, result in step.tensors]
    return [None for _ in results]


def _first(step: Step, flows: Flows, result: Tensor) -> Flow | None:
    given = named(step.op, step.arguments)
    tensor = given.get("input")
    flow = flows.of(tensor)
    if step.op in _ARITHMETIC:
        return _in_place(step, flows, result)
    if flow is None or not isinstance(tensor, Tensor):
        return None
    if step.op in _SAME:
        return flow
    if step.op in _CHANGED or unpadded(step) is not None:
        return flow.changed() if result.ndim == tensor.ndim else None
    axis = _moved(step, given, tensor, flow.axis, result)
    return None if axis is None else Flow(flow.origin, axis, flow.plain and step.op not in _POOLING)


def unpadded(step: Step) -> tuple[Tensor, tuple[int, int, int, int]] | None:
    """What a step puts rows and columns around, as a convolution does by itself: top, left, bottom, right.

    None for other steps.
    """
    if step.op not in ("pad", "constant_pad_nd"):
        return None
    given = named(step.op, step.arguments)
    tensor, sides = given["input"], [int(side) for side in given["pad"]]
    if tensor.ndim != 4 or len(sides) > 4:
        return None
    left, right, top, bottom = [*sides, 0, 0][:4]
    return tensor, (top, left, bottom, right)


def _in_place(step: Step, flows: Flows, result: Tensor) -> Flow | None:
    """With constants, with the same channels (x * sigmoid(x)), or with what is the same for all (x - mean(x))."""
    moving = [tensor for tensor in tensors_in(step.arguments) if flows.moving(tensor)]
    flow = next((flow for tensor in moving if (flow := flows.of(tensor)) and tensor.ndim == result.ndim), None)
    if flow is None or not all(_goes_with(flow, tensor, flows, result) for tensor in moving):
        return None
    return flow.changed()


def _goes_with(flow: Flow, tensor: Tensor, flows: Flows, result: Tensor) -> bool:
    other = flows.of(tensor)
    if other is not None and (other.origin, other.axis) == (flow.origin, flow.axis):
        return tensor.ndim == result.ndim
    shape = (1,) * (result.ndim - tensor.ndim) + tuple(tensor.shape)
    return flows.known(tensor) and shape[flow.axis] == 1 and result.shape[flow.axis] > 1


def _joined(step: Step, name: str, result: Tensor, flows: Flows) -> Flow | None:
    """Channels of its own, along the axis that those of all its parts lie along."""
    parts = [tensor for tensor in tensors_in(step.arguments) if flows.moving(tensor)]
    found = [flows.of(tensor) for tensor in parts]
    axes = {flow.axis for flow in found if flow}
    alike = all(tensor.ndim == result.ndim for tensor in parts)
    return Flow(name, axes.pop()) if parts and None not in found and len(axes) == 1 and alike else None


def _moved(step: Step, given: Mapping[str, Any], tensor: Tensor, axis: int, result: Tensor) -> int | None:
    if step.op in _RESHAPES:
        return reshaped_axis(tensor.shape, axis, result.shape)
    if step.op == "permute":
        order = [one % tensor.ndim for one in order_of(step.arguments)]
        return order.index(axis)
    if step.op in ("T", "t", "mT"):
        return tensor.ndim - 1 - axis if tensor.ndim == 2 else None
    move = _MOVES.get(step.op)
    return None if move is None else move(given, tensor.ndim, axis)


def _swapped(given: Mapping[str, Any], rank: int, axis: int) -> int:
    first, second = int(given["dim0"]) % rank, int(given["dim1"]) % rank
    return {first: second, second: first}.get(axis, axis)


def _taken_out(given: Mapping[str, Any], rank: int, axis: int) -> int | None:
    """movedim of one axis."""
    if not isinstance(given["source"], int):
        return None
    order = list(range(rank))
    order.remove(given["source"] % rank)
    order.insert(given["destination"] % rank, given["source"] % rank)
    return order.index(axis)


def _averaged(given: Mapping[str, Any], rank: int, axis: int) -> int | None:
    """Over positions; nothing is left of channels that are averaged themselves."""
    dims = given.get("dim")
    if dims is None:
        return None
    gone = {int(dim) % rank for dim in (dims if isinstance(dims, Sequence) else [dims])}
    if axis in gone:
        return None
    return axis if given.get("keepdim") else axis - sum(dim < axis for dim in gone)


_POOLING = frozenset("mean amax sum".split())
_MOVES: dict[str, Callable[[Mapping[str, Any], int, int], int | None]] = {
    **dict.fromkeys(("transpose", "swapaxes"), _swapped),
    **dict.fromkeys(("movedim", "moveaxis"), _taken_out),
    **dict.fromkeys(_POOLING, _averaged),
}
