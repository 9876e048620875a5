"""Broadcasting as it was before opset 7: by the attributes `broadcast` and `axis`."""

from torch import Tensor


def aligned(a: Tensor, b: Tensor, broadcast: int, axis: int | None) -> Tensor:
    """b in the shape with which torch broadcasts it against a: its first axis lies on axis number `axis` of a.

    Without `axis` the last axes of both lie on each other, as everywhere today.
    """
    if not broadcast or axis is None:
        return b
    return b.reshape(*b.shape, *[1] * (a.dim() - axis % max(a.dim(), 1) - b.dim()))
