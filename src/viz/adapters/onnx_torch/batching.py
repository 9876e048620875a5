"""Several images through an ONNX program: all together, by `torch.vmap`, or one by one, as real values decide.

A graph whose batch is baked in (a reshape to a constant shape) may give wrong values for several images without
an error, so that no way is ever assumed: each is tried on noise images and compared with images run alone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from viz.adapters.onnx_torch.program import OnnxProgram, Run
from viz.adapters.onnx_torch.same_rows import why_rows_differ
from viz.adapters.onnx_torch.vmapped_values import edge_behind
from viz.core.adapter import Edge
from viz.core.errors import ModelError, NotSupported

Way = Literal["together", "vmapped", "one by one"]
Feed = Callable[[Tensor], Run]

_FEWEST_IN_A_TRIAL = 3
_LONGEST_REASON = 100
# Noise may take the same branch for all images where the user's do not; vmap sees whether the image decides.
_SHARED_BRANCH = "together: its If or Loop would go one way for all images"


class BatchedProgram:
    """A program with one image input, for any number of images.

    Args:
        program: the program.
        image_input: the name of the input that takes the images.
        batch: how many images the graph was made for; None: any number.
        further: values of the other inputs, the same for all images.
        trial: gives that many different images in the model's own format, to find out how several may be run.
        apart: run groups one by one without a trial, which of large images would take much memory.

    Attributes:
        notes: what the user should know about how several images are run.
    """

    def __init__(
        self,
        program: OnnxProgram,
        image_input: str,
        batch: int | None,
        further: Mapping[str, Tensor],
        trial: Callable[[int], Tensor],
        apart: bool = False,
    ):
        self._program, self._image_input, self._further = program, image_input, dict(further)
        self._group = batch or 1
        self._trial, self._apart = trial, apart
        self._tolerance = _tolerance(program)
        self._ways: dict[frozenset[str], Way] = {}
        self.notes: list[str] = []

    def run(self, images: Tensor, wanted: Sequence[str]) -> Run:
        """Values of the wanted tensors for images (b, …) in the model's format, each (b, …), with autograd.

        Raises `ModelError` where the program fails, `NotSupported` for a tensor without one row per image.
        """
        if len(images) == self._group:
            return self._direct(images, wanted)
        return self._by(self.way(wanted), images, wanted)

    def prepare(self, count: int, wanted: Sequence[str]) -> None:
        """Try out now what `run` would try out first for so many images."""
        if count != self._group:
            self.way(wanted)

    def way(self, wanted: Sequence[str]) -> Way:
        """How several images are run for these tensors; tried out when first asked, raises as `run`."""
        key = frozenset(wanted)
        if self._apart:
            return "one by one"
        if key not in self._ways:
            self._ways[key] = self._decided(tuple(dict.fromkeys(wanted)))
        return self._ways[key]

    def _decided(self, wanted: Sequence[str]) -> Way:
        """The first way that gives what images run alone give."""
        images = self._trial(max(_FEWEST_IN_A_TRIAL, self._group + 1)).detach()
        if images.is_floating_point():
            images.requires_grad_()  # some operators take another way where a gradient is recorded
        with torch.enable_grad():
            alone = _detached(self._one_by_one(images, wanted))
            self._check_order(images, wanted, alone)
            reasons = [_SHARED_BRANCH] * self._program.branches
            ways: tuple[Way, ...] = ("vmapped",) if self._program.branches else ("together", "vmapped")
            for way in ways:
                reason = self._why_not(way, images, wanted, alone)
                if not reason:
                    self._note(way, reasons)
                    return way
                reasons.append(f"{way}: {reason}")
        self._note("one by one", reasons)
        return "one by one"

    def _why_not(self, way: Way, images: Tensor, wanted: Sequence[str], alone: Mapping[str, Tensor]) -> str:
        """Why images may not be run this way, in words; empty where they may."""
        try:
            found = _detached(self._by(way, images, wanted))
        except ModelError as problem:
            return _short(problem.problem)
        except RuntimeError as problem:  # what vmap says of operations that it has no rule for
            return _short(problem)
        # Alone and by vmap, images cannot meet; run together they can, and only values that differ between
        # images show whether they did.
        return why_rows_differ(alone, found, self._tolerance, telling_apart=way == "together")

    def _check_order(self, images: Tensor, wanted: Sequence[str], alone: Mapping[str, Tensor]) -> None:
        """A graph for several images at a time must not let an image's row depend on its place among them."""
        if self._group == 1:
            return
        turned = _detached(self._one_by_one(images.roll(1, 0), wanted))
        back = {name: value.roll(-1, 0) for name, value in turned.items()}
        reason = why_rows_differ(alone, back, self._tolerance, telling_apart=False)
        if reason:
            raise NotSupported(
                f"the graph takes {self._group} images at a time and does not keep them apart: {reason}",
                "export the model with a batch of 1 or a free one, in evaluation mode",
            )

    def _note(self, way: Way, reasons: Sequence[str]) -> None:
        if way == "together":
            return
        size = "one by one" if self._group == 1 else f"{self._group} at a time"
        how = "side by side through torch.vmap" if way == "vmapped" else size
        note = f"for gradients, several images run {how}, not {'; '.join(reasons)}"
        if note not in self.notes:
            self.notes.append(note)

    # --- the ways -----------------------------------------------------------------------------

    def _by(self, way: Way, images: Tensor, wanted: Sequence[str]) -> Run:
        ways = {"together": self._direct, "vmapped": self._vmapped, "one by one": self._one_by_one}
        return ways[way](images, wanted)

    def _direct(self, images: Tensor, wanted: Sequence[str]) -> Run:
        """One call with all images."""
        run = self._program.run({self._image_input: images, **self._further}, wanted)
        for name in wanted:
            _check_rows(name, run.values[name], len(images))
        return run

    def _vmapped(self, images: Tensor, wanted: Sequence[str]) -> Run:
        """One call on groups side by side, each seen by the program as its own batch."""
        runs: list[Run] = []

        edges: dict[str, Edge] = {}

        def one_group(group: Tensor) -> tuple[Tensor, ...]:
            runs.append(self._direct(group, wanted))
            values = runs[0].values
            edges.update({n: edge for n in wanted if (edge := edge_behind(values[n], len(images)))})
            return tuple(values[name] for name in wanted)

        # Values that do not depend on the images come out once for each group too.
        found = torch.vmap(one_group, randomness="error")(self._groups(images))
        values = {name: value.flatten(0, 1)[: len(images)] for name, value in zip(wanted, found, strict=True)}
        return Run(values, runs[0].ended, runs[0].straight_through, edges)

    def _one_by_one(self, images: Tensor, wanted: Sequence[str]) -> Run:
        """One call for each group."""
        runs = [self._direct(group, wanted) for group in self._groups(images).unbind()]
        values = {name: torch.cat([run.values[name] for run in runs])[: len(images)] for name in wanted}
        edges = {
            name: Edge(pieces=tuple(self._piece(run, name, len(images), i) for i, run in enumerate(runs)))
            for name in wanted
        }
        return Run(values, runs[0].ended, runs[0].straight_through, edges)

    def _piece(self, run: Run, name: str, count: int, index: int) -> Edge:
        """One group's edge, without the rows of images that only fill it up."""
        rows = min(self._group, count - index * self._group)
        return Edge(run.values[name], lambda gradient: gradient[:rows])

    def _groups(self, images: Tensor) -> Tensor:
        """(b, …) -> (groups, images of a group, …), the last one filled up with copies of the last image."""
        missing = -len(images) % self._group
        whole = torch.cat([images, *[images[-1:]] * missing]) if missing else images
        return whole.reshape(-1, self._group, *images.shape[1:])


def _tolerance(program: OnnxProgram) -> float:
    """How far an image's values may stray, relative to the largest, when it is run in another company.

    Another order of summation rounds differently; where values are rounded to 8 or 16 bits, by a whole step.
    """
    operators = (name.rpartition("::")[2] for name in program.coverage())
    coarse = program.types.native or any(
        name.startswith(("QLinear", "QuantizeL", "DynamicQuantizeL")) for name in operators
    )
    return 2e-2 if coarse else 1e-4


def _detached(run: Run) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in run.values.items()}


def _short(problem: object) -> str:
    """The beginning of a message says what happened."""
    line = str(problem).strip().partition("\n")[0]
    return line if len(line) <= _LONGEST_REASON else line[:_LONGEST_REASON].rsplit(" ", 1)[0] + " …"


def _check_rows(name: str, value: object, count: int) -> None:
    """Raise `NotSupported` for what does not hold one row for each of `count` images."""
    if not isinstance(value, Tensor):
        raise NotSupported(f"{name!r} is no tensor ({type(value).__name__})", "choose a tensor: `viz layers --model M`")
    if value.dim() == 0 or len(value) != count:
        images = "1 image" if count == 1 else f"{count} images"
        raise NotSupported(
            f"{name!r} gave shape {tuple(value.shape)} for {images}: its first axis is not the batch",
            "choose a tensor with one row per image: `viz layers --model M` lists them",
        )
