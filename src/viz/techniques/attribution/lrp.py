"""Layer-wise relevance propagation: the score shared out, layer by layer, down to the pixels."""

from collections.abc import Sequence
from typing import Annotated, cast

from viz.core.adapter import FORWARD_ONLY, Adapter, Rule
from viz.core.errors import ImageError, NotSupported
from viz.core.gradients import input_gradients, summed_up
from viz.core.options import Opt
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques.attribution._gradient_maps import brightness, gradient_map, say_what_changed


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
        if found.values.any() and not found.pixels.any():
            passed = summed_up(found.straight_through) or "an operation"
            raise NotSupported(
                f"no relevance arrives at the pixels of {model.source.name}: {passed} on the way keeps all of it",
                "viz saliency takes the gradient; " + FORWARD_ONLY,
            )
        changed = say_what_changed(model, rule, found)
        return [
            self._map(r, float(s), changed, found.straight_through)
            for r, s in zip(found.pixels, found.values, strict=True)
        ]

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes per image."""
        return 2

    def _map(
        self, relevance: FloatArray, score: float, changed: int, straight_through: Sequence[str]
    ) -> HeatMap | ImageError:
        share = float(relevance.sum(dtype=float)) / score if score else 0.0
        return gradient_map(
            relevance,
            brightness(relevance),
            score,
            straight_through=straight_through,
            relevance_share=share,
            changed_operations=changed,
        )
