"""Score-CAM: a layer's channels, weighed by the score of the image seen through each."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter
from viz.core.batching import worth_at_once
from viz.core.errors import ImageError
from viz.core.options import Opt
from viz.core.result import FloatArray, HeatMap, Number
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques._spatial_layers import Grid, stretched
from viz.techniques.attribution._cam_layer import last_grid
from viz.techniques.attribution._cams import cam_result, positive
from viz.techniques.attribution._fills import fill_images
from viz.techniques.attribution._target_scores import clean_scores, layers_of, scores_in

_EMPTY = ("the map is empty: no channel with a high score is active anywhere",)
_USUAL_CHANNELS = 1024


@technique(
    source="Wang et al. 2020, eq. 5 to 8 and algorithm 1, arXiv 1910.01279",
    smoke={"strongest": 8},
)
class ScoreCam:
    """Show the image through each channel of a layer, and weigh the channels by the scores they keep up.

    Each channel is stretched over the image, scaled to 0..1 and multiplied with it. Its weight is the
    softmax, over the channels, of how much the score is above that of the hidden image; the map is the
    weighted sum of the channels, negative sums cut off. No gradient is needed.

    The score is the target's own. With logits, which differ by many units, a few channels get all weight;
    with `--score probability`, as in most published code, nearly all get the same.
    """

    layer: Annotated[str | None, Opt("Layer to read; default: found from the model.", metavar="NAME")] = None
    strongest: Annotated[
        int | None, Opt("Only so many channels, those with the largest sum of squares; default: all.", min=1)
    ] = None
    fill: Annotated[
        str,
        Opt(
            "What hides: black, gray, mean (of the image), blur, noise, or R,G,B.",
            metavar="black|gray|mean|blur|noise|R,G,B",
        ),
    ] = "black"
    seed: Annotated[int, Opt("Seed of the noise fill.", min=0)] = 0

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w), one target each; an `ImageError` where a score is not finite."""
        grid = last_grid(model, layers_of(targets), self.layer, "score-cam")
        values = model.run(images, tuple(dict.fromkeys([*layers_of(targets), grid.layer.name])))
        fills = fill_images(self.fill, images, max(1, min(model.size) // 7), self.seed)
        hidden = clean_scores(model, np.ascontiguousarray(fills), targets)
        maps, scores = grid.maps(values[grid.layer.name]), scores_in(values, targets)
        found: list[HeatMap | ImageError] = []
        for i, target in enumerate(targets):
            chosen = strongest(maps[i], self.strongest)
            seen = _scores_through(model, images[i], fills[i], maps[i][chosen], grid, target, hidden[i])
            weights = _softmax(seen - hidden[i])
            cam = positive(np.tensordot(weights, maps[i][chosen], 1))
            numbers: dict[str, Number] = {
                "score_hidden": hidden[i],
                "channels": len(chosen),
                "channels_of_layer": len(maps[i]),
            }
            warnings = () if cam.any() else _EMPTY
            found.append(cam_result(cam, grid, model.size, scores[i], warnings=warnings, numbers=numbers))
        return found

    def passes(self, size: tuple[int, int]) -> int:
        """Forward passes per image; where all channels are taken, of a layer with 1,024, as many networks have."""
        return 2 + (self.strongest or _USUAL_CHANNELS)


def strongest(maps: FloatArray, count: int | None) -> NDArray[np.intp]:
    """Indices, in order, of the `count` channels of maps (c, rows, columns) with the largest sum of squares."""
    if count is None or count >= len(maps):
        return np.arange(len(maps))
    energy = (maps.astype(np.float64) ** 2).sum(axis=(1, 2))
    return np.sort(np.argsort(-energy, kind="stable")[:count])


def _scores_through(
    model: Adapter, image: FloatArray, fill: FloatArray, maps: FloatArray, grid: Grid, target: Target, hidden: float
) -> FloatArray:
    """The target's score (c,) for the image seen through each channel; a channel without contrast hides it all."""
    scores = np.full(len(maps), hidden, np.float32)
    contrast = np.flatnonzero(np.ptp(maps.reshape(len(maps), -1), axis=1) > 0)
    at_once = worth_at_once(model)
    for start in range(0, len(contrast), at_once):
        part = contrast[start : start + at_once]
        masks = np.stack([_scaled(stretched(maps[channel], grid, model.size)) for channel in part])
        shown = fill + masks[:, None] * (image - fill)
        scores[part] = target.of(model.run(shown, target.layers))
    return scores


def _scaled(mask: FloatArray) -> FloatArray:
    """From 0 to 1 (eq. 6)."""
    low, high = mask.min(), mask.max()
    scaled: FloatArray = (mask - low) / max(high - low, np.finfo(np.float32).tiny)
    return scaled


def _softmax(values: FloatArray) -> FloatArray:
    powers = np.exp(values.astype(np.float64) - values.max())
    weights: FloatArray = (powers / powers.sum()).astype(np.float32)
    return weights
