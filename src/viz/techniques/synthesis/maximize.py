"""Maximize: the image that a class or a neuron responds to most, made from nothing but the model."""

from collections.abc import Sequence
from typing import Annotated

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.making import GivenPhoto, Photos, Picture, Piece, Watch
from viz.core.options import Opt
from viz.core.technique import technique
from viz.techniques.synthesis._recipes import RECIPES, Recipe


@technique(
    source="Simonyan et al. 2014, eq. 1, arXiv 1312.6034; Yosinski et al. 2015, section 3, arXiv 1506.06579; "
    "Olah et al. 2017, Feature Visualization; Fel et al. 2023, eq. 3-5, arXiv 2306.06805",
    needs_gradient=True,
    makes="optional",
    smoke={"steps": 4, "target": ("{target}",)},
)
class Maximize:
    """Make the image that excites a class or a neuron most: start from noise and climb the gradient.

    `--target` takes classes and neurons as everywhere; `--layer` with `--channel 0-15` or `--grid` makes many
    neurons in one go. With photos as SOURCE, it is also said which part of them excites the neuron less than
    the made image does. The score is that of the saved file, as the model sees it. Options that are left out
    are the preset's, whose lengths shrink with images of less than 128 pixels.
    """

    target: Annotated[
        tuple[str, ...],
        Opt("What to drive up: a class, LAYER:CHANNEL, LAYER:CHANNEL@Y,X, LAYER:norm, A - 0.5 * B; several: again."),
    ] = ()
    layer: Annotated[tuple[str, ...], Opt("Drive up channels of this layer; several: again.", metavar="NAME")] = ()
    channel: Annotated[str | None, Opt("Which of the layer's channels: 7, or 0-15,40.", metavar="C|A-B|…")] = None
    at: Annotated[str | None, Opt("Row and column of one position of the channel.", metavar="Y,X")] = None
    grid: Annotated[bool, Opt("All channels of the layer, on one sheet.")] = False
    preset: Annotated[str, Opt("Whose settings the other options start from.", choices=tuple(RECIPES))] = "lucid"
    starts: Annotated[int, Opt("Images for each target, from different starts.", min=1)] = 1
    steps: Annotated[int | None, Opt("Steps of the optimization.", min=1)] = None
    learning_rate: Annotated[float | None, Opt("Length of a step.", min=0)] = None
    optimizer: Annotated[
        str | None, Opt("How to step: ascent is normalised by mean |g|.", choices=("ascent", "adam", "nadam", "lbfgs"))
    ] = None
    image_size: Annotated[
        str | None, Opt("Size of the image, N or HEIGHTxWIDTH; default: what the model sees.", metavar="N|HxW")
    ] = None
    parameters: Annotated[str | None, Opt("What is optimized.", choices=("pixels", "sigmoid", "fourier", "phase"))] = (
        None
    )
    start: Annotated[str | None, Opt("zero (the model's own), gray, noise, or an image.", metavar="KIND|FILE")] = None
    colours: Annotated[str, Opt("gray for one channel.", choices=("auto", "rgb", "gray"))] = "auto"
    magnitude_from: Annotated[
        str | None, Opt("Images whose mean spectrum parameters 'phase' keep; default: natural images'.", metavar="DIR")
    ] = None
    decay: Annotated[float | None, Opt("Weight of the L2 decay towards the model's zero.", min=0)] = None
    alpha_norm: Annotated[float | None, Opt("Weight of the alpha-norm (alpha = 6) about mid-gray.", min=0)] = None
    total_variation: Annotated[float | None, Opt("Weight of the total variation (beta = 2).", min=0)] = None
    others: Annotated[float | None, Opt("Weight against all other classes' scores, for classes.", min=0)] = None
    diversity: Annotated[float, Opt("Weight that drives the starts of one target apart.", min=0)] = 0.0
    blur: Annotated[float | None, Opt("Radius of a Gaussian blur on the way.", min=0)] = None
    blur_every: Annotated[int | None, Opt("Steps between two blurs and clips.", min=1)] = None
    clip_norm: Annotated[float | None, Opt("Share of the weakest pixels set to gray as often.", min=0, max=1)] = None
    clip_contribution: Annotated[
        float | None, Opt("Share of the pixels that contribute least set to gray as often.", min=0, max=1)
    ] = None
    pad: Annotated[int | None, Opt("Gray border in pixels, seen when the image moves.", min=0)] = None
    jitter: Annotated[int | None, Opt("Largest random shift in pixels, both ways.", min=0)] = None
    scale: Annotated[str | None, Opt("Random scale between two factors.", metavar="LOW,HIGH")] = None
    rotate: Annotated[float | None, Opt("Largest random rotation in degrees, both ways.", min=0, max=180)] = None
    boxes: Annotated[str | None, Opt("Look at random boxes of these shares of a side.", metavar="LOW,HIGH")] = None
    noise: Annotated[float | None, Opt("Standard deviation of noise on what is seen, in pixel values.", min=0)] = None
    seed: Annotated[int, Opt("Seed of starts and transformations.", min=0)] = 0

    def pieces(self, model: Adapter, photos: Photos) -> Sequence[Sequence[Piece]]:
        """One image for each target and start; those that need the same layers are made together."""
        from viz.techniques.synthesis._recipe_checks import check_canvas, check_others, check_recipe
        from viz.techniques.synthesis._wanted import pieces

        check_recipe(self)
        check_canvas(self, model)
        groups = pieces(self, model)
        check_others(self, model, [piece.asked.target for group in groups for piece in group])
        return groups

    def __call__(
        self, model: Adapter, pieces: Sequence[Piece], given: Sequence[GivenPhoto | None], photos: Photos, watch: Watch
    ) -> list[Picture | ImageError]:
        """One picture for each piece. Raises `NotSupported` where no gradient reaches the pixels."""
        from viz.techniques.synthesis._maximizing import maximized

        return [*maximized(self, model, pieces, photos, watch)]

    @property
    def recipe(self) -> Recipe:
        """The preset with this instance's own settings."""
        return RECIPES[self.preset].changed(self)

    def recipe_for(self, size: tuple[int, int]) -> Recipe:
        """The same for an image (h, w): in a small one, lengths of the preset are smaller too."""
        return RECIPES[self.preset].for_size(size).changed(self)

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes for each image."""
        return 2 * self.recipe.steps
