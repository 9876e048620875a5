"""Patches: for every channel of a layer, the parts of a folder's images that it responds to most."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from viz.core.adapter import Adapter
from viz.core.errors import UsageError
from viz.core.options import Opt
from viz.core.surveying import Found, Plan, Seen, State
from viz.core.technique import technique


@technique(
    source="Girshick, Donahue, Darrell & Malik 2014, section 3.1, CVPR 2014",
    surveys=True,
    images_per_call=32,
    smoke={"top": 2},
)
class Patches:
    """See what neurons respond to: for each channel, the patches of all images that excite it most.

    A patch is what one position of the layer sees of the image, its receptive field. Of a photo that was stored
    several times, the best copy counts. From the same pass come figures for each channel, of all images:

    max, mean (over positions and images), fires (share of positions above zero), fires_images (share of images with
    a position above zero); selectivity, where true classes are known: (a - b) / (a + b), with a the mean of the
    image's largest response over the images of the best class and b the mean of that over the other classes, what is
    below zero counted as zero (Morcos et al. 2018, arXiv 1803.06959).

    "dead" is a channel without a position above zero in any image; "rare", one with some in at most 1 % of the
    images; "always on", one above zero at every position of every image.
    """

    layer: Annotated[
        tuple[str, ...],
        Opt(
            "Layers to look at: names, globs such as 'conv*', or all; default: the last with positions.", metavar="NAME"
        ),
    ] = ()
    units: Annotated[
        str | None, Opt("Only these channels of each layer: 0-63, or 3,5,8; default: all.", metavar="LIST")
    ] = None
    top: Annotated[int, Opt("Patches for each channel.", min=1, max=256)] = 16
    per_image: Annotated[int, Opt("Patches of one image for a channel, at most.", min=1, max=16)] = 1
    rank: Annotated[
        str,
        Opt(
            "What images are ranked by: the channel's largest response, its mean, or its relevance to a class "
            "(gradient times activation, summed over positions).",
            choices=("max", "mean", "relevance"),
        ),
    ] = "max"
    target: Annotated[
        str | None,
        Opt("The class that relevance is to: top1 (each image's own), top2, …, or a class; default: top1."),
    ] = None
    keep_duplicates: Annotated[bool, Opt("Count copies of a photo as photos of their own.")] = False

    def __post_init__(self) -> None:
        if self.target is not None and self.rank != "relevance":
            raise UsageError(f"--target {self.target} is for ranking by relevance", "add --rank relevance")

    def plan(self, model: Adapter, classes: Sequence[str]) -> Plan:
        """The layers, how they lie on the image, and the settings.

        Raises `UnknownName` for what matches no layer, `NotSupported` for a layer without channels, and for ranking
        by relevance where there is no gradient; `UsageError` for other options that cannot be.
        """
        from viz.techniques.activation._survey_plan import planned

        return planned(self, model, classes)

    def begin(self, plan: Plan) -> State:
        """The state of no image."""
        from viz.techniques.activation._survey_steps import begun

        return begun(plan)

    def add(self, model: Adapter, plan: Plan, state: State, images: Sequence[Seen]) -> State:
        """`state` and these images."""
        from viz.techniques.activation._survey_steps import added

        return added(model, plan, state, images)

    def merge(self, plan: Plan, left: State, right: State) -> State:
        """Both states together."""
        from viz.techniques.activation._survey_steps import merged

        return merged(plan, left, right)

    def findings(self, plan: Plan, state: State) -> Iterator[Found]:
        """Layer by layer: what each channel responds to, and how much."""
        from viz.techniques.activation._survey_findings import findings

        return findings(plan, state, self.top)

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes per image; with relevance, the class is looked for first."""
        return 3 if self.rank == "relevance" else 1

    @property
    def relevance_target(self) -> str:
        """The class that relevance is measured to."""
        return self.target or "top1"
