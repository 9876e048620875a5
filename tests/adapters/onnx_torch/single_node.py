"""One ONNX operator at a time: through our table of torch functions, and through what it is compared with.

run_node("Clip", [x], 6, min=0.0, max=6.0)             # the torch function, at opset 6
reference("Clip", [x], 6, min=0.0, max=6.0)            # onnx's own numpy kernel
onnxruntime("Clip", [x], 6, min=0.0, max=6.0)
check_against(reference, "Clip", [x], 6, min=0.0, max=6.0)   # same type, shape and values
check_gradient("Clip", [x], 6, min=0.0, max=6.0)       # float64 central differences
check_vmap("Clip", [x], 6, min=0.0, max=6.0)           # torch.vmap equals the loop over the batch
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import torch
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from viz.adapters.onnx_torch.element_types import ElementTypes, to_numpy, to_torch
from viz.adapters.onnx_torch.node import Node, decoded_attributes, function_of

MODEL_VERSION = 10  # the IR version of the models built here: every runtime in use reads it


def run_node(
    op: str, inputs: Sequence[Any], version: int, domain: str = "", outputs: int = 1, **attributes: Any
) -> Any:
    """The outputs of one operator, computed by the torch function that the table has for this version.

    Inputs in ONNX order: tensors, arrays, numbers, lists of them (a sequence), None where one is left out.
    Attributes by their ONNX names, as Python values, arrays or tensors. One output comes back as it is,
    several as a tuple. Raises KeyError when the table has no function for the operator.
    """
    return call_node(make_node(op, inputs, version, domain, outputs, **attributes), inputs)


def make_node(
    op: str,
    inputs: Sequence[Any],
    version: int,
    domain: str = "",
    outputs: int = 1,
    constant: Sequence[int] = (),
    types: ElementTypes = ElementTypes(),  # noqa: B008  (frozen)
    **attributes: Any,
) -> Node:
    """The node that the executor would build: to call twice, or with inputs marked as constants of the graph."""
    function = function_of(domain, op, version)
    if function is None:
        raise KeyError(f"the table has no {domain}::{op} at version {version}")
    proto = _proto(op, inputs, domain, outputs, attributes)
    values, _ = decoded_attributes(proto, types)
    marks = tuple(i in constant for i in range(len(inputs)))
    names = tuple(proto.input), tuple(proto.output)
    opsets = {"": version, domain: version}
    return Node(op, domain, version, op, *names, values, {}, types, opsets, proto, function, marks)


def call_node(node: Node, inputs: Sequence[Any]) -> Any:
    """What the node's function gives; one output as it is, several as a tuple cut to the wanted ones."""
    assert node.function is not None
    result = node.function(node, *map(as_tensor, inputs), **node.attributes)
    if node.output_count == 1:
        return result[0] if isinstance(result, tuple) else result
    assert isinstance(result, tuple)
    return result[: node.output_count]


def reference(
    op: str, inputs: Sequence[Any], version: int, domain: str = "", outputs: int = 1, **attributes: Any
) -> Any:
    """The same operator by onnx's reference kernel, as numpy arrays."""
    from onnx.reference import ReferenceEvaluator

    model, feeds = _model(op, inputs, version, domain, outputs, attributes)
    return _one_or_all(ReferenceEvaluator(model).run(None, feeds), outputs)


def onnxruntime(
    op: str, inputs: Sequence[Any], version: int, domain: str = "", outputs: int = 1, **attributes: Any
) -> Any:
    """The same operator by onnxruntime on the CPU, as numpy arrays."""
    import onnxruntime as runtime

    model, feeds = _model(op, inputs, version, domain, outputs, attributes)
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return _one_or_all(session.run(None, feeds), outputs)


def check_against(
    other: Any,
    op: str,
    inputs: Sequence[Any],
    version: int,
    domain: str = "",
    outputs: int = 1,
    rtol: float = 1e-5,
    atol: float = 1e-6,
    **attributes: Any,
) -> None:
    """Asserts that `other` (`reference`, `onnxruntime`, or wanted values) gives the same type, shape and values."""
    wanted = other(op, inputs, version, domain, outputs, **attributes) if callable(other) else other
    found = run_node(op, inputs, version, domain, outputs, **attributes)
    for ours, theirs in zip(*(value if outputs > 1 else [value] for value in (found, wanted)), strict=True):
        same_values(ours, theirs, rtol, atol)


def same_values(ours: Any, theirs: Any, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    """Asserts that a tensor has the type, shape and values of an array."""
    array, theirs = to_numpy(ours), np.asarray(theirs)
    assert array.dtype == theirs.dtype, f"{array.dtype} for {theirs.dtype}"
    assert array.shape == theirs.shape, f"{array.shape} for {theirs.shape}"
    if array.dtype.kind in "biu":
        np.testing.assert_array_equal(array, theirs)
    elif array.dtype.kind == "c":
        np.testing.assert_allclose(array, theirs, rtol, atol)
    else:
        np.testing.assert_allclose(array.astype(np.float64), theirs.astype(np.float64), rtol, atol)


def check_gradient(
    op: str,
    inputs: Sequence[Any],
    version: int,
    domain: str = "",
    outputs: int = 1,
    wrt: Sequence[int] | None = None,
    **attributes: Any,
) -> None:
    """Asserts that autograd agrees with central differences in float64, for the floating inputs (or those `wrt`)."""
    values = [as_tensor(value) for value in inputs]
    if wrt is None:
        wrt = [i for i, v in enumerate(values) if isinstance(v, torch.Tensor) and v.is_floating_point() and v.numel()]
    values = [v.double() if isinstance(v, torch.Tensor) and v.is_floating_point() else v for v in values]
    node = make_node(op, values, version, domain, outputs, **attributes)

    def of_varied(*varied: torch.Tensor) -> Any:
        result = call_node(node, [varied[wrt.index(i)] if i in wrt else v for i, v in enumerate(values)])
        results = result if isinstance(result, tuple) else (result,)
        return tuple(r for r in results if isinstance(r, torch.Tensor) and r.is_floating_point())

    varied = [values[i].clone().requires_grad_() for i in wrt]
    assert torch.autograd.gradcheck(of_varied, varied)


def check_vmap(
    op: str,
    inputs: Sequence[Any],
    version: int,
    domain: str = "",
    outputs: int = 1,
    mapped: Sequence[int] = (0,),
    **attributes: Any,
) -> None:
    """Asserts that `torch.vmap` over three variants of the inputs at `mapped` equals three separate calls."""
    values = [as_tensor(value) for value in inputs]
    node = make_node(op, values, version, domain, outputs, **attributes)

    def of_mapped(*varied: torch.Tensor) -> Any:
        return call_node(node, [varied[mapped.index(i)] if i in mapped else v for i, v in enumerate(values)])

    batches = [_variants(values[i]) for i in mapped]
    together = torch.vmap(of_mapped)(*batches)
    for k in range(3):
        alone = of_mapped(*(batch[k] for batch in batches))
        pairs = zip(together, alone, strict=True) if isinstance(alone, tuple) else [(together, alone)]
        for ours, theirs in pairs:
            same_values(ours[k], to_numpy(theirs))


def as_tensor(value: Any) -> Any:
    """A tensor for an array or a number, a list of tensors for a list of arrays; None stays."""
    if value is None or isinstance(value, torch.Tensor):
        return value
    return [as_tensor(item) for item in value] if isinstance(value, list) else to_torch(np.asarray(value))


def _variants(value: torch.Tensor) -> torch.Tensor:
    """Three different inputs of the same kind: the values, the values in reverse order, and moved on by one."""
    flat = value.reshape(-1)
    return torch.stack([flat, flat.flip(0), flat.roll(1)]).reshape(3, *value.shape)


def _proto(op: str, inputs: Sequence[Any], domain: str, outputs: int, attributes: dict[str, Any]) -> onnx.NodeProto:
    names = ["" if value is None else f"input{i}" for i, value in enumerate(inputs)]
    proto = helper.make_node(op, names, [f"output{i}" for i in range(outputs)], name=op, domain=domain)
    proto.attribute.extend(_attribute(name, value) for name, value in attributes.items())
    return proto


def _attribute(name: str, value: Any) -> AttributeProto:
    if isinstance(value, torch.Tensor):
        value = to_numpy(value)
    if isinstance(value, np.ndarray):
        value = numpy_helper.from_array(value)
    empty = isinstance(value, list | tuple) and not value
    return helper.make_attribute(name, value, attr_type=AttributeProto.INTS if empty else None)


def _model(
    op: str, inputs: Sequence[Any], version: int, domain: str, outputs: int, attributes: dict[str, Any]
) -> tuple[onnx.ModelProto, dict[str, Any]]:
    proto = _proto(op, inputs, domain, outputs, attributes)
    feeds = {f"input{i}": to_numpy(as_tensor(value)) for i, value in enumerate(inputs) if value is not None}
    infos = [_info(name, value) for name, value in feeds.items()]
    graph = helper.make_graph([proto], op, infos, [onnx.ValueInfoProto(name=name) for name in proto.output])
    opsets = [helper.make_opsetid("", version if not domain else 18)]
    if domain:
        opsets.append(helper.make_opsetid(domain, version))
    return helper.make_model(graph, opset_imports=opsets, ir_version=MODEL_VERSION), feeds


def _info(name: str, value: Any) -> onnx.ValueInfoProto:
    if isinstance(value, list):
        element = helper.make_tensor_type_proto(_code(value[0]), None)
        return helper.make_value_info(name, helper.make_sequence_type_proto(element))
    return helper.make_tensor_value_info(name, _code(value), value.shape)


def _code(array: Any) -> TensorProto.DataType:
    return helper.np_dtype_to_tensor_dtype(array.dtype)


def _one_or_all(values: Sequence[Any], outputs: int) -> Any:
    return values[0] if outputs == 1 else tuple(values)
