"""Whose channels each tensor of a forward pass has, one to one; tensors are told apart by identity."""

from dataclasses import dataclass

from torch import Tensor

IMAGE = ""  # the origin of tensors that are still the image; no layer has this name


@dataclass(frozen=True)
class Flow:
    """A tensor's channels lie along `axis` and are those of `origin`; `plain`: nothing was done to them since."""

    origin: str
    axis: int
    plain: bool = True

    def changed(self) -> "Flow":
        """The same channels with other values."""
        return Flow(self.origin, self.axis, plain=False)


class Flows:
    """What is known of the tensors that follow from the image.

    A tensor that was written to since it was noted, by something that showed no step, is not known any more.
    """

    def __init__(self) -> None:
        # Tensors are held on to, so that no other one gets the same id.
        self._noted: dict[int, tuple[Tensor, int, Flow | None]] = {}

    def note(self, tensor: Tensor, flow: Flow | None) -> None:
        """From now on the tensor is that of `flow`; None: it follows from the image, how is not known."""
        self._noted[id(tensor)] = (tensor, tensor._version, flow)

    def written(self, tensor: Tensor) -> None:
        """The step that has just ended wrote to the tensor, once: what it was before is still known."""
        if id(tensor) in self._noted:
            kept, version, flow = self._noted[id(tensor)]
            if version == tensor._version - 1:
                self._noted[id(tensor)] = (kept, version + 1, flow)

    def moving(self, tensor: Tensor) -> bool:
        """Whether it follows from the image."""
        return id(tensor) in self._noted

    def of(self, tensor: object) -> Flow | None:
        """The tensor's flow, where it is known."""
        _, version, flow = self._noted.get(id(tensor), (None, -1, None))
        return flow if isinstance(tensor, Tensor) and tensor._version == version else None

    def known(self, tensor: Tensor) -> bool:
        """Whether it was noted, and not written to since."""
        return id(tensor) in self._noted and self._noted[id(tensor)][1] == tensor._version
