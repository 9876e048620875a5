"""Any geometry that convolution and pooling may have, for property tests against onnxruntime."""

from contextlib import suppress
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from tests.adapters.onnx_torch.single_node import check_against, onnxruntime


@st.composite
def geometries(draw: st.DrawFn, pooling: bool = False) -> dict[str, Any]:
    """Input sizes, kernel and the attributes that place its windows, over one to three axes.

    Pooling has ceil_mode, and no padding as wide as a window. For SAME, onnxruntime's pooling leaves out
    dilations, and skips cells with strides beyond the kernel: not so the standard, and not here.
    """
    rank = draw(st.integers(1, 3))

    def numbers(low: int, high: int, count: int = rank) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    found: dict[str, Any] = {"sizes": numbers(3, 7), "kernel": numbers(1, 3), "strides": numbers(1, 3)}
    same = draw(st.booleans())
    if same:
        found["auto_pad"] = draw(st.sampled_from(["SAME_UPPER", "SAME_LOWER", "VALID"]))
    elif draw(st.booleans()):
        found["pads"] = numbers(0, 2 if pooling else 3, 2 * rank)
    else:
        found["pads"] = 2 * numbers(0, 2)
    if pooling:
        found["ceil_mode"] = draw(st.integers(0, 1))
    if pooling and same:
        found["strides"] = [min(s, k) for s, k in zip(found["strides"], found["kernel"], strict=True)]
    elif draw(st.booleans()):
        found["dilations"] = numbers(1, 2)
    pads = found.get("pads", [0] * 2 * rank)
    for axis, size in enumerate(found["sizes"]):  # windows that fit nowhere are no case of the standard
        reach = (found["kernel"][axis] - 1) * found.get("dilations", [1] * rank)[axis] + 1
        assume(reach <= size + pads[axis] + pads[rank + axis])
    return found


def image(sizes: list[int], channels: int = 2) -> Any:
    """A batch of two images with nothing regular about them."""
    return np.random.default_rng(sum(sizes)).normal(size=(2, channels, *sizes)).astype(np.float32)


def same_as_onnxruntime(op: str, inputs: list[Any], version: int, **attributes: Any) -> None:
    """Asserts it wherever onnxruntime takes the case at all."""
    wanted = None
    with suppress(Exception):  # it refuses windows that nothing fits in, SAME with dilations, …
        wanted = onnxruntime(op, inputs, version, **attributes)
    assume(wanted is not None)
    outputs = attributes.get("outputs", 1)
    assume(all(array.size for array in (wanted if outputs > 1 else [wanted])))
    check_against(lambda *_, **__: wanted, op, inputs, version, rtol=1e-4, atol=1e-5, **attributes)
