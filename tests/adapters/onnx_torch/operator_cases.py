"""Tables of operator cases: inputs, attributes and versions; what is asserted of each lies here too."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.adapters.onnx_torch.single_node import check_against, check_gradient, check_vmap, onnxruntime, reference


@dataclass(frozen=True)
class Case:
    """One operator on given inputs.

    Attributes:
        versions: of the operator set; below 13 compared with onnxruntime, from 13 on with onnx's reference.
        runtime: whether it is compared with onnxruntime at every version, where onnx's reference fails.
        wrt: inputs whose gradients are compared; None: those of all floating ones.
        mapped: which inputs depend on the image: these are batched by vmap. None: it cannot be batched.
        note: what is special about it, for its name.
    """

    op: str
    inputs: Sequence[Any]
    versions: Sequence[int] = (13, 18, 23)
    attributes: dict[str, Any] = field(default_factory=dict)
    outputs: int = 1
    runtime: bool = False
    wrt: Sequence[int] | None = None
    mapped: Sequence[int] | None = (0,)
    note: str = ""

    def __str__(self) -> str:
        return "-".join(filter(None, [self.op, *self.attributes, self.note]))


def check_values(case: Case) -> None:
    """At every version the outputs are those of another implementation."""
    for version in case.versions:
        other = onnxruntime if case.runtime or version < 13 else reference
        check_against(other, case.op, case.inputs, version, outputs=case.outputs, **case.attributes)


def check_slopes(case: Case) -> None:
    """At the oldest and newest version the gradient is the central difference."""
    for version in {case.versions[0], case.versions[-1]}:
        check_gradient(case.op, case.inputs, version, outputs=case.outputs, wrt=case.wrt, **case.attributes)


def check_batches(case: Case) -> None:
    """At the oldest and newest version a batch by vmap is the loop over its items."""
    assert case.mapped is not None
    for version in {case.versions[0], case.versions[-1]}:
        check_vmap(case.op, case.inputs, version, outputs=case.outputs, mapped=case.mapped, **case.attributes)


def normal(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    """Numbers around zero, none of them so near to it that a function with a kink there has no slope."""
    values = np.random.default_rng(seed).normal(size=shape)
    return (values + np.sign(values) * 0.05).astype(np.float32)


def uniform(*shape: int, low: float = 0.1, high: float = 0.9, seed: int = 0) -> NDArray[np.float32]:
    """Numbers in a range."""
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def ints(*values: int, dtype: Any = np.int64) -> NDArray[Any]:
    """A vector of whole numbers."""
    return np.array(values, dtype)
