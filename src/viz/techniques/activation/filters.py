"""Filters: the weights of a layer as pictures, in the colours of the image where they look at the image."""

from collections.abc import Sequence
from typing import Annotated

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.making import GivenPhoto, Photos, Picture, Piece, Watch
from viz.core.options import Opt
from viz.core.technique import technique


@technique(source="Krizhevsky, Sutskever & Hinton 2012, figure 3", makes="alone", smoke={"tile": 8})
class Filters:
    """Draw the filters of a layer, each as the input of length 1 that excites its unit most: w / ||w||.

    Filters that look at the image are drawn in its colours, brought back through the model's own scaling and
    channel order; others with a tile for each input. That the pictures are right is tried on the model itself.
    Filters that are (nearly) zero, twins and negatives of another are listed.
    """

    layer: Annotated[
        tuple[str, ...],
        Opt(
            "Whose filters; several: again, or a pattern. Default: the first convolution on the image.", metavar="NAME"
        ),
    ] = ()
    normalize: Annotated[
        str,
        Opt("One colour scale for all filters of a layer, or one for each.", choices=("shared", "each")),
    ] = "shared"
    sort: Annotated[
        str, Opt("Their order: by index, longest first, or by hue, gray first.", choices=("index", "norm", "hue"))
    ] = "index"
    fold_norm: Annotated[bool, Opt("With the batch normalization that follows, as one filter.")] = False
    tile: Annotated[int, Opt("Side of a filter's tile in pixels, about: a whole multiple of its own.", min=1)] = 56
    components: Annotated[
        int | None,
        Opt("Also so many principal components of filters on the image; default: 28 from 8x8 on, else 0.", min=0),
    ] = None

    def pieces(self, model: Adapter, photos: Photos) -> Sequence[Sequence[Piece]]:
        """One sheet for each layer. Raises `NotSupported` for one without weights, `UsageError` for an unknown one."""
        from viz.techniques.activation._filter_layers import chosen_layers

        return [[Piece(name, asked=name)] for name in chosen_layers(self, model)]

    def __call__(
        self, model: Adapter, pieces: Sequence[Piece], given: Sequence[GivenPhoto | None], photos: Photos, watch: Watch
    ) -> list[Picture | ImageError]:
        """One picture for each piece."""
        from viz.techniques.activation._filter_picture import filter_picture

        return [filter_picture(self, model, piece.asked) for piece in pieces]

    def passes(self, size: tuple[int, int]) -> int:
        """Forward passes for each layer: one image in which nothing is, and about one with the filters in it."""
        return 2
