"""What of a network a patch on the image can reach, layer by layer, and what follows for occlusion."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Way = Literal["window", "full"]


@dataclass(frozen=True)
class LayerPlan:
    """How one layer is computed for each variant of an image.

    Attributes:
        name: its tensor.
        op: the operator that makes it.
        way: window: only the positions that the patch can reach; full: all of them.
        size: height and width of the whole map; (1, 1) where it has none.
        window: height and width of the largest window that a patch reaches, at most `size`.
        share: mean share of the map's positions that are computed, 0 to 1, over all places of the patch.
        macs: multiply-accumulates of the whole layer for one image; None where not known.
    """

    name: str
    op: str
    way: Way
    size: tuple[int, int]
    window: tuple[int, int]
    share: float
    macs: int | None = None


@dataclass(frozen=True)
class PatchPlan:
    """How variants of an image that differ by one square are computed.

    Attributes:
        side: the square's side in pixels.
        reason: why the whole network runs for every variant; "" where windows are computed.
        layers: the layers in execution order, those that depend on the image.
        cap: see `Patched.cap`.
        gain: how many times faster a variant is expected to be by windows than in a whole pass, when what is
            gathered and started is counted too; None where that was not estimated.
    """

    side: int
    reason: str
    layers: tuple[LayerPlan, ...] = ()
    cap: float | None = None
    gain: float | None = None

    @property
    def share(self) -> float:
        """Share of a whole pass's multiply-accumulates that one variant needs, 0 to 1."""
        total = sum(layer.macs or 0 for layer in self.layers)
        return sum(layer.share * (layer.macs or 0) for layer in self.layers) / total if total else 1.0

    def speedup(self, variants: int) -> float:
        """Multiply-accumulates of whole passes over those of the plan, for so many variants of each image.

        The one whole pass that the windows take their surroundings from is counted in.
        """
        return 1.0 if self.reason else 1 / (self.share + 1 / variants)

    def is_worth(self, variants: int) -> bool:
        """Whether so many variants of each image are expected to be faster by windows, the clean pass counted in."""
        gain = self.gain or 1 / self.share
        return not self.reason and 1 / gain + 1 / variants < 1

    def described(self) -> dict[str, Any]:
        """Plain values for a record."""
        return asdict(self) | {"share": round(self.share, 4)}


def whole(side: int, reason: str, layers: Sequence[LayerPlan] = ()) -> PatchPlan:
    """The plan that runs the whole network for every variant."""
    return PatchPlan(side, reason, tuple(layers))
