"""Where tensors come from: whether a layer lies between them and the image, and whether they were seen to be made."""

from typing import Any, NamedTuple

from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from viz.adapters.backward_rules import names
from viz.adapters.backward_rules.layers import Layer, layer
from viz.adapters.backward_rules.operation import Operation, depends_on_image, tensors_in, unwrapped
from viz.adapters.backward_rules.steps import is_foreign, refused
from viz.adapters.pixel_encoding import encode
from viz.core.adapter import FORWARD_ONLY, Rule
from viz.core.errors import NotSupported


class _Origin(NamedTuple):
    """What made a tensor: `raw` if it holds pixels still, only moved; the layer whose output it is, unchanged since."""

    raw: bool
    layer: Layer | None = None
    versions: tuple[int, ...] = ()


class Ancestry:
    """Notes taken as operations pass.

    Args:
        strict: every image-dependent tensor must come from a seen operation; else only those that an autograd
            function of the model's own made are taken for unseen.
    """

    def __init__(self, strict: bool):
        self._strict = strict
        self._origins: Any = WeakIdKeyDictionary()

    def note(self, op: Operation, result: Any) -> None:
        """Take down what an operation gave, and into what it wrote."""
        raw = op.function is encode or (op.name in _MOVES and all(map(self.is_raw, op.image_dependent())))
        found = layer(op)
        for tensor in _written(op, result):
            if depends_on_image(tensor):
                versions = () if found is None else (tensor._version, found.x._version)
                self._origins[tensor] = _Origin(raw, found, versions)

    def is_raw(self, tensor: Tensor) -> bool:
        """Whether it holds pixels, moved or scaled at most."""
        origin = self._origins.get(tensor)
        return origin is None or origin.raw

    def layer_of(self, tensor: Tensor) -> Layer | None:
        """The layer whose output it is, if neither that nor the layer's input was overwritten since."""
        origin = self._origins.get(tensor)
        if origin is None or origin.layer is None:
            return None
        return origin.layer if origin.versions == (tensor._version, origin.layer.x._version) else None

    def checked(self, op: Operation, rule: Rule) -> Operation:
        """The operation, with a refusal on every operand of which it was not seen how it was made."""
        unseen = [tensor for tensor in op.image_dependent() if self._is_unseen(tensor)]
        if not unseen:
            return op
        maker = type(unwrapped(unseen[0]).grad_fn).__name__.removesuffix("Backward")
        problem = (
            f"{rule} cannot see the operation {maker}: it is TorchScript or an autograd function of the model's own"
        )
        next_step = f"write it with torch's functions, or use viz saliency; {FORWARD_ONLY}"
        if op.target is not None or op.name == "setitem":
            raise NotSupported(problem, next_step)
        ids = {id(tensor) for tensor in unseen}
        return op.mapped(lambda tensor: refused(tensor, problem, next_step) if id(tensor) in ids else tensor)

    def _is_unseen(self, tensor: Tensor) -> bool:
        maker = unwrapped(tensor).grad_fn  # the pixels themselves have none
        return tensor not in self._origins and maker is not None and (self._strict or is_foreign(maker))


def _written(op: Operation, result: Any) -> list[Tensor]:
    """The tensors that hold what an operation gave: also what it overwrote, and what that is a view of."""
    overwritten = [op.x] if op.target is not None or op.name in ("setitem", "copy") else []
    bases = [tensor._base for tensor in overwritten if tensor._base is not None]
    return [*tensors_in(result), *overwritten, *bases]


# Scaling and shifting pixels is preprocessing.
_MOVES = names.ROUTING | names.PRODUCTS | names.ADDITIONS | names.BATCH_NORMS
