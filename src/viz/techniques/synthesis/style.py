"""Neural style: a photo painted in the manner of another picture."""

from collections.abc import Sequence
from typing import Annotated

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.making import GivenPhoto, Photos, Picture, Piece, Watch
from viz.core.options import Opt
from viz.core.technique import technique


@technique(
    source="Gatys, Ecker & Bethge 2016, eq. 1-7, CVPR 2016",
    needs_gradient=True,
    makes="required",
    smoke={"steps": 3, "style": ("{picture}",)},
)
class Style:
    """Paint a photo in the style of another picture: the photo's content, the picture's textures.

    The content is what a deeper layer holds; the style is which channels of several layers respond together,
    wherever that is (their Gram matrices). Without `--content-layer` and `--style-layer` they are chosen from
    the graph, as in the paper for networks like VGG, and named. The image may be larger than the model's input
    where the network is convolutional up to these layers. A start from `style` is the first style picture.
    """

    style: Annotated[tuple[str, ...], Opt("The picture with the style; several are mixed: again.", metavar="FILE")] = ()
    style_share: Annotated[
        tuple[float, ...], Opt("Each style picture's share, in the same order; default: equal.", min=0)
    ] = ()
    content_layer: Annotated[tuple[str, ...], Opt("Layers that hold the content.", metavar="NAME")] = ()
    style_layer: Annotated[
        tuple[str, ...], Opt("Layers that hold the style, with a weight where wanted.", metavar="NAME[=W]")
    ] = ()
    content_weight: Annotated[float, Opt("Weight of the content (alpha).", min=0)] = 1.0
    style_weight: Annotated[float, Opt("Weight of the style (beta).", min=0)] = 100.0
    smoothness: Annotated[float, Opt("Weight of the total variation.", min=0)] = 0.02
    losses: Annotated[
        str,
        Opt(
            "relative: each layer's error as a share of its own size, so that weights mean the same on any network; "
            "paper: the sums of eq. 1 and 4.",
            choices=("relative", "paper"),
        ),
    ] = "relative"
    optimizer: Annotated[str, Opt("How to step.", choices=("lbfgs", "adam"))] = "lbfgs"
    learning_rate: Annotated[float | None, Opt("Length of a step; default: 1 for lbfgs, 0.03 for adam.", min=0)] = None
    steps: Annotated[int, Opt("Steps of the optimization.", min=1)] = 200
    start: Annotated[str, Opt("What to begin with.", choices=("content", "noise", "style"))] = "content"
    longest: Annotated[int, Opt("Longest side of the result; 0 keeps the photo's own.", min=0)] = 384
    original_colours: Annotated[bool, Opt("Keep the photo's colours: only its brightness is painted.")] = False
    seed: Annotated[int, Opt("Seed of a start from noise.", min=0)] = 0

    def pieces(self, model: Adapter, photos: Photos) -> Sequence[Sequence[Piece]]:
        """One picture for each photo."""
        from viz.techniques.synthesis._style_checks import check_style

        check_style(self, model)
        return [[Piece(name, photo=index)] for index, name in enumerate(photos.names)]

    def __call__(
        self, model: Adapter, pieces: Sequence[Piece], given: Sequence[GivenPhoto | None], photos: Photos, watch: Watch
    ) -> list[Picture | ImageError]:
        """One picture for each piece. Raises `NotSupported` where no gradient reaches the pixels."""
        from viz.techniques.synthesis._painting import painted

        return [painted(self, model, one.photo, watch) for one in given if one is not None]

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes for each image, those of line searches not counted."""
        return 2 * self.steps
