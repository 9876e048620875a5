"""Occlusion: hide one patch after another and see how far the score falls."""

from collections.abc import Sequence
from typing import Annotated

from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.errors import ImageError, UsageError
from viz.core.options import Opt
from viz.core.patch_plan import PatchPlan, whole
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques.attribution._adaptive_occlusion import drops_where_it_matters
from viz.techniques.attribution._adaptive_positions import AdaptivePositions
from viz.techniques.attribution._approximation import CHECKED, refuse_where_nothing_is_cut, with_errors
from viz.techniques.attribution._fills import fill_images
from viz.techniques.attribution._hidden_scores import HiddenScores, read_layers
from viz.techniques.attribution._occlusion_grid import Grid, grid_of
from viz.techniques.attribution._occlusion_maps import Drops, drops_everywhere, heat_map
from viz.techniques.metrics.deletion_insertion import STEPS, deletion_insertion

_SHARE = 0.25  # of the positions, where --adaptive says no other


@technique(
    source="Zeiler & Fergus 2013, section 4.2 and figure 7, arXiv 1311.2901",
    smoke={"stride": 24, "patch": 24},
)
class Occlusion:
    """Hide each part of the image in turn; heat is how far the score drops without it.

    The patch is never clipped: positions run from edge to edge, at most `stride` apart and the same
    from both sides, so a pixel at the border is hidden by a patch as large as any other. The heat of a
    pixel is the mean drop over the patches that cover it, in units of the score. Negative heat marks
    parts that spoke against the target.
    """

    patch: Annotated[int | None, Opt("Side of the patch in model pixels; default: a seventh of the input.", min=1)] = (
        None
    )
    stride: Annotated[int | None, Opt("Largest step between patches; default: half a patch.", min=1)] = None
    fill: Annotated[
        str,
        Opt(
            "What hides: black, gray, mean (of the image), blur, noise, or R,G,B.",
            metavar="black|gray|mean|blur|noise|R,G,B",
        ),
    ] = "gray"
    show_class: Annotated[bool, Opt("Also map the class that is predicted under the patch (figure 7e).")] = False
    evaluate: Annotated[bool, Opt("Also measure deletion and insertion areas (Petsiuk et al. 2018).")] = False
    adaptive: Annotated[
        bool, Opt("Compute a coarse grid, then only where the map is steep or hot; interpolate the rest.")
    ] = False
    positions: Annotated[
        float | None,
        Opt("Share of the positions that --adaptive computes at most, above 0 to 1; default: 0.25.", metavar="SHARE"),
    ] = None
    max_time: Annotated[
        float | None,
        Opt("Seconds per image after which --adaptive begins no new round.", min=0, metavar="SECONDS"),
    ] = None
    approximate: Annotated[
        float | None,
        Opt(
            "Cap what a patch may reach at this share of a feature map's sides, above 0 to 1; the error is measured.",
            metavar="TAU",
        ),
    ] = None
    whole_passes: Annotated[
        bool, Opt("Run the whole network for every position, even where computing what a patch reaches is enough.")
    ] = False
    seed: Annotated[int, Opt("Seed of the noise fill, and of positions that are drawn as samples.", min=0)] = 0

    def __post_init__(self) -> None:
        """Raise `UsageError` for shares that are none, and for options that need or exclude another one."""
        for name in ("positions", "approximate"):
            _check_share("--" + name, getattr(self, name))
        for name in ("positions", "max_time"):
            if getattr(self, name) is not None and not self.adaptive:
                flag = "--" + name.replace("_", "-")
                raise UsageError(
                    f"{flag} {getattr(self, name):g} needs --adaptive: a plain grid that is left unfinished is no map",
                    f"add --adaptive, or leave {flag} out",
                )
        if self.whole_passes and self.approximate is not None:
            raise UsageError(
                f"--approximate {self.approximate:g} cuts what is computed of a pass, and --whole-passes computes all",
                "leave one of the two out",
            )

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w), one target each.

        An image for which the model gives scores that are not finite gets an `ImageError` in place of a
        map. Raises `UsageError` for a patch that does not fit, and `NotSupported` where `approximate` has no windows
        to cut.
        """
        grid = self._grid(model.size)
        hidden = self._hidden_scores(model, images, targets, grid)
        found = self._drops(hidden, grid)
        if self.approximate is not None:
            found = with_errors(found, hidden, grid, self.seed)
        maps = [heat_map(grid, one, self.show_class) for one in found]
        if not self.evaluate:
            return maps
        each = zip(images, maps, targets, strict=True)
        return [one if isinstance(one, ImageError) else deletion_insertion(model, i, one, t) for i, one, t in each]

    def passes(self, size: tuple[int, int]) -> int:
        """Forward passes per image of a model with input `size`, at most, for estimates."""
        checked = min(CHECKED, self.variants(size)) if self.approximate is not None else 0
        return 1 + self.variants(size) + checked + (2 * (STEPS + 1) if self.evaluate else 0)

    def patch_plan(self, model: Adapter, targets: Sequence[Target]) -> PatchPlan:
        """See `viz.core.hiding.HidesPatches`."""
        patch = self._grid(model.size).patch
        if self.whole_passes:
            return whole(patch, "--whole-passes asks for that")
        classes = _class_layer(model) if self.show_class else None
        return model.patch_plan(patch, read_layers(targets, classes), self.approximate)

    def variants(self, size: tuple[int, int]) -> int:
        """See `viz.core.hiding.HidesPatches`: the positions of the patch; of those, at most what adaptive computes."""
        grid = self._grid(size)
        return AdaptivePositions(grid.shape, self._share, self.seed, grid.reach).at_most if self.adaptive else len(grid)

    @property
    def _share(self) -> float:
        return _SHARE if self.positions is None else self.positions

    def _hidden_scores(self, model: Adapter, images: FloatArray, targets: Sequence[Target], grid: Grid) -> HiddenScores:
        classes = _class_layer(model) if self.show_class else None
        if self.approximate is not None:
            # Only a batched model computes windows; one that comes bare would answer exactly, and slowly.
            model = model if isinstance(model, BatchedAdapter) else BatchedAdapter(model)
            refuse_where_nothing_is_cut(model, grid.patch, read_layers(targets, classes), self.approximate)
        fills = fill_images(self.fill, images, grid.patch, self.seed)
        by_windows = not self.whole_passes
        return HiddenScores(model, images, fills, grid.patch, targets, classes, by_windows, self.approximate)

    def _drops(self, hidden: HiddenScores, grid: Grid) -> list[Drops]:
        if self.adaptive:
            return drops_where_it_matters(hidden, grid, self._share, self.max_time, self.seed)
        return drops_everywhere(hidden, grid)

    def _grid(self, size: tuple[int, int]) -> Grid:
        patch = self.patch or max(1, round(min(size) / 7))
        if patch > min(size):
            raise UsageError(
                f"--patch {patch} is larger than the model's input of {size[1]}x{size[0]} pixels",
                f"give at most {min(size)}; about {max(1, round(min(size) / 7))} shows parts of objects",
            )
        stride = self.stride or max(1, patch // 2)
        if stride > patch:
            raise UsageError(
                f"--stride {stride} is larger than --patch {patch}: parts of the image would never be hidden",
                f"give a stride of at most {patch}",
            )
        return grid_of(size, patch, stride)


def _check_share(flag: str, share: float | None) -> None:
    if share is not None and not 0 < share <= 1:
        raise UsageError(f"{flag} is {share:g}, but must be above 0 and at most 1", f"for example {flag} 0.5")


def _class_layer(model: Adapter) -> str:
    scores = model.scores
    layer = (scores.logits or scores.probabilities) if scores else None
    if layer is None:
        raise UsageError("--show-class needs class scores, and this model has none", "leave --show-class out")
    return layer
