"""Deep Dream: a photo in which a layer sees more of what it already sees."""

from collections.abc import Sequence
from typing import Annotated

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.making import GivenPhoto, Photos, Picture, Piece, Watch
from viz.core.options import Opt
from viz.core.technique import technique

_ZOOM = 1.04


@technique(
    source="Mordvintsev, Olah & Tyka 2015, Inceptionism: Going Deeper into Neural Networks",
    needs_gradient=True,
    makes="required",
    smoke={"steps": 2, "octaves": 1},
)
class Dream:
    """Dream: change a photo so that what a layer sees in it grows stronger, at several sizes one after the other.

    What is driven up is the mean square of a layer (or of one of its channels, or a neuron), so that whatever
    responds a little responds more. `--guide` dreams of another image instead: every place is driven towards
    what is most like it there. Large photos are worked on in tiles, which fade into each other; sizes that fill
    less than half a tile are left out. Without `--layer`, a layer in the upper middle of the network is chosen
    and named.
    """

    layer: Annotated[str | None, Opt("The layer to dream with.", metavar="NAME")] = None
    channel: Annotated[int | None, Opt("Only this channel of the layer.", min=0)] = None
    at: Annotated[str | None, Opt("Only this position of the channel; needs one tile.", metavar="Y,X")] = None
    guide: Annotated[str | None, Opt("Dream of what is in this image.", metavar="FILE")] = None
    octaves: Annotated[int, Opt("Sizes, each larger than the one before; the last is the image's own.", min=1)] = 4
    octave_scale: Annotated[float, Opt("How much larger.", min=1.01, max=4)] = 1.4
    steps: Annotated[int, Opt("Steps at each size.", min=1)] = 12
    learning_rate: Annotated[float, Opt("Mean change of a pixel's value in a step.", min=0)] = 0.008
    jitter: Annotated[
        int | None,
        Opt("Most pixels by which the tiles move between steps; default: as far as one, or a quarter of it.", min=0),
    ] = None
    tile: Annotated[
        str | None, Opt("Size of the tiles; default: the model's own size, which any model takes.", metavar="N|HxW")
    ] = None
    longest: Annotated[int, Opt("Longest side of the result; 0 keeps the photo's own.", min=0)] = 800
    zoom: Annotated[int, Opt("Frames of a zoom into the dream, each dreamed again.", min=0)] = 0
    zoom_by: Annotated[
        float | None, Opt("How much larger each of these frames is; default: 1.04.", min=1.001, max=2)
    ] = None
    seed: Annotated[int, Opt("Seed of the tiles' places.", min=0)] = 0

    def pieces(self, model: Adapter, photos: Photos) -> Sequence[Sequence[Piece]]:
        """One dream for each photo."""
        from viz.techniques.synthesis._dream_checks import check_dream

        check_dream(self, model)
        return [[Piece(name, photo=index)] for index, name in enumerate(photos.names)]

    def __call__(
        self, model: Adapter, pieces: Sequence[Piece], given: Sequence[GivenPhoto | None], photos: Photos, watch: Watch
    ) -> list[Picture | ImageError]:
        """One dream for each piece. Raises `NotSupported` where no gradient reaches the pixels."""
        from viz.techniques.synthesis._dreaming import dreamed

        return [dreamed(self, model, one.photo, watch) for one in given if one is not None]

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes for each image, at the least: one tile for each step."""
        return 2 * self.steps * (self.octaves + self.zoom)

    @property
    def zoom_factor(self) -> float:
        """How much larger each frame of a zoom is."""
        return _ZOOM if self.zoom_by is None else self.zoom_by
