"""Layer-wise relevance propagation: the score shared out, layer by layer, down to the pixels."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, cast

from viz.core.adapter import FORWARD_ONLY, INPUT_ROUNDING, Adapter, Rule
from viz.core.errors import ImageError, NotSupported
from viz.core.gradients import input_gradients
from viz.core.options import Opt
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques.attribution._gradient_maps import brightness, gradient_map, say_what_changed

_MOST_ABSORBED = 0.5  # of the score; beyond it the sums do not mean what they say


@technique(
    source="Bach et al. 2015, eq. 52 to 60, doi 10.1371/journal.pone.0130140; Montavon et al. 2019, table 10.1",
    needs_gradient=True,
)
class Lrp:
    """Share the score out over the pixels, layer by layer: each input takes part by what it contributed.

    Rule `epsilon` is the same for every layer; `epsilon-plus-flat` counts only positive contributions in
    convolutions and spreads evenly in the first layer: less noise, less detail, nothing against the target
    but from dense layers. Biases keep their share: how much of the score arrives at the pixels is stored as
    `relevance_share`. A model with an operation that has no rule, such as attention, is refused by name.
    """

    rule: Annotated[str, Opt("How layers share relevance out.", choices=("epsilon-plus-flat", "epsilon"))] = (
        "epsilon-plus-flat"
    )

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w), in units of the score. Raises `NotSupported`: see above."""
        rule = cast(Rule, f"lrp-{self.rule}")
        found = input_gradients(model, images, targets, rule)
        if rounding := [label for label in found.straight_through if label != INPUT_ROUNDING]:
            raise NotSupported(
                f"relevance has no rule for the roundings of a quantized network: {rounding[0]} and "
                f"{len(rounding) - 1} more",
                f"give the float model, or use viz saliency, whose gradients pass them; {FORWARD_ONLY}",
            )
        changed = say_what_changed(model, rule, found)
        return [self._map(r, float(s), changed) for r, s in zip(found.pixels, found.values, strict=True)]

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes per image."""
        return 2

    def _map(self, relevance: FloatArray, score: float, changed: int) -> HeatMap | ImageError:
        share = float(relevance.sum(dtype=float)) / score if score else 0.0
        heat = brightness(relevance)
        found = gradient_map(relevance, heat, score, relevance_share=share, changed_operations=changed)
        if isinstance(found, ImageError) or abs(share - 1) <= _MOST_ABSORBED:
            return found
        text = f"{share:.0%} of the score arrives at the pixels, biases keep the rest: it says where, not how much"
        return replace(found, warnings=(*found.warnings, text))
