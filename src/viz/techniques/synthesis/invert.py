"""Inversion: an image rebuilt from nothing but what a layer of the model holds of it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from viz.core.adapter import Adapter
from viz.core.errors import ImageError, UsageError
from viz.core.making import GivenPhoto, Photos, Picture, Piece, Plot, Watch
from viz.core.options import Opt
from viz.core.technique import technique


@technique(
    source="Mahendran & Vedaldi 2015, eq. 1-5, arXiv 1412.0035; "
    "frequencies as parameters: Olah et al. 2017, Feature Visualization",
    needs_gradient=True,
    makes="required",
    smoke={"steps": 3, "layers": "some"},
)
class Invert:
    """Rebuild a photo from its embedding at any layer: what the layer still holds of it, and what it has let go.

    An image is made whose values at the layer are those of the photo, |phi(x) - phi0|^2 / |phi0|^2, and which is
    smooth and within range besides. The normalised error of every layer, measured on the saved file, is drawn as
    a profile of the network. Images have the resolution at which the model sees the photo.
    """

    layer: Annotated[
        tuple[str, ...], Opt("Layer to rebuild from, by name or pattern; several: again.", metavar="NAME")
    ] = ()
    layers: Annotated[
        str, Opt("Without --layer: all stages of the network, or some over its depth.", choices=("all", "some"))
    ] = "some"
    most: Annotated[int, Opt("At most so many layers with --layers all, spread over the depth.", min=1)] = 24
    steps: Annotated[int, Opt("Steps of the optimization.", min=1)] = 300
    repeats: Annotated[int, Opt("Optimizations from different noise; the one with the least loss is kept.", min=1)] = 1
    parameters: Annotated[
        str,
        Opt(
            "What is optimized. auto: frequencies first, then pixels, sooner the nearer the layer is to the image.",
            choices=("auto", "pixels", "fourier"),
        ),
    ] = "auto"
    start: Annotated[str, Opt("What to start from.", choices=("noise", "gray"))] = "noise"
    optimizer: Annotated[str, Opt("How to step.", choices=("adam", "lbfgs"))] = "adam"
    learning_rate: Annotated[
        float | None, Opt("Length of the first step, which falls to 0; default: 0.04, or 1 for lbfgs.", min=0)
    ] = None
    alpha_weight: Annotated[
        float,
        Opt(
            "Weight of the alpha-norm (alpha = 6) around gray, which is 1 for black and white; "
            "for the last layer, down to a hundredth of it for the first.",
            min=0,
        ),
    ] = 0.1
    tv_weight: Annotated[
        float,
        Opt(
            "Weight of the total variation (beta = 2), a mean over the values, at the last step; "
            "for the last layer, down to a hundredth of it for the first.",
            min=0,
        ),
    ] = 0.3
    tv_start: Annotated[float, Opt("Its weight at the first step, from where it falls by equal factors.", min=0)] = 20.0
    seed: Annotated[int, Opt("Seed of the noise.", min=0)] = 0

    def pieces(self, model: Adapter, photos: Photos) -> Sequence[Sequence[Piece]]:
        """For each photo itself and one image for every layer, each made for itself.

        Raises `UsageError` and `NotSupported` for layers that are not there or cannot be inverted.
        """
        from viz.techniques.synthesis._layer_choice import chosen_layers

        if self.repeats > 1 and self.start != "noise":
            problem = f"all {self.repeats} repeats would give the same image: they start from {self.start}"
            raise UsageError(problem, "leave --start out, or --repeats")
        layers = chosen_layers(self, model)
        return [group for index, name in enumerate(photos.names) for group in _of_photo(index, name, layers)]

    def __call__(
        self, model: Adapter, pieces: Sequence[Piece], given: Sequence[GivenPhoto | None], photos: Photos, watch: Watch
    ) -> list[Picture | ImageError]:
        """One picture for each piece. Raises `NotSupported` where no gradient reaches the pixels."""
        from viz.techniques.synthesis._inverting import inverted, original

        made: list[Picture | ImageError] = []
        for piece, one in zip(pieces, given, strict=True):
            assert one is not None, "every piece has its photo"
            found = inverted(self, model, piece.asked, one.photo, watch) if piece.asked else original(model, one.photo)
            made.append(found)
        return made

    def overview(self, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Plot]:
        """The normalised error of every layer and the PSNR, as profiles of the network."""
        from viz.techniques.synthesis._profile import profiles

        return profiles(records)

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes for each image; a line search looks about twice."""
        return (4 if self.optimizer == "lbfgs" else 2) * self.steps * self.repeats


def _of_photo(index: int, name: str, layers: Sequence[str]) -> list[list[Piece]]:
    whole = Piece(f"{name} original", photo=index, row=name, column="original")
    return [[whole], *([Piece(f"{name} {layer}", layer, index, name, layer)] for layer in layers)]
