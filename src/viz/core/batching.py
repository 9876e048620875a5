"""A model that takes any number of images: split into batches that fit, several at a time, counted as they pass."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from viz.core.adapter import Adapter, ReceptiveField, Rule, Trace
from viz.core.agreement import Agreement
from viz.core.batched_patches import largest_difference, run_groups, sample_rows
from viz.core.errors import ModelError, OutOfMemory
from viz.core.kernel import Kernel
from viz.core.patch_plan import PatchPlan
from viz.core.patch_runner import PatchRunner
from viz.core.patch_use import PatchCheck, PatchUse
from viz.core.patches import Patched
from viz.core.result import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
Values = dict[str, FloatArray]
Run = Callable[[int, int], Values]

# On a CPU the activations of a small batch stay in its caches, and several small batches side by side,
# each on one core, ran faster than one after the other on all (benchmarks/occlusion.py). GPUs want more at once.
_VALUES_PER_BATCH = 4 * 3 * 224 * 224
_GPU_FACTOR = 32
_BATCHES_PER_WORKER = 8
_CHECKED = 4  # variants of the first image that are computed both ways


class BatchedAdapter(Adapter):
    """Wraps a model; `batch_size` is how many images go through it in one call.

    Where the model allows, calls run side by side. Out of memory, the batch is halved, for good, and
    the same images are run again; with a single image there is nothing to halve and the error stands.
    Asked again for the same tensors of the same read-only images, it gives the values that it has.
    `counted` is called with the number of images after every batch.
    """

    def __init__(
        self, model: Adapter, batch_size: int | None = None, counted: Callable[[int], None] = lambda count: None
    ):
        self._model = model
        self._counted = counted
        self.batch_size = batch_size or _automatic(model)
        # Work that keeps its activations leaves the caches sooner (benchmarks/saliency.py: 2 beat 4 beat 8).
        self._share_for_kept = 1 if batch_size else 2
        self._last: tuple[FloatArray, tuple[str, ...], Values] | None = None
        self.source, self.layers, self.outputs = model.source, model.layers, model.outputs
        self.scores, self.labels, self.preprocess = model.scores, model.labels, model.preprocess
        self.warnings, self.parallel = model.warnings, model.parallel
        self.forward_tolerance = model.forward_tolerance
        self._said: list[str] = []
        self._patch_runners: dict[tuple[int, tuple[str, ...], float | None], PatchRunner | None] = {}
        self._uses: list[PatchUse] = []

    @property
    def notes(self) -> list[str]:  # type: ignore[override]  # the model's, and what was said while it was wrapped
        """What the user should know: the model's own notes, and those of the work done through this wrapper."""
        return [*self._model.notes, *self._said]

    def note(self, text: str) -> None:
        """See `Adapter.note`; kept here, so that one run's notes are not shown with the next."""
        if text not in self.notes:
            self._said.append(text)

    @property
    def patch_uses(self) -> Sequence[PatchUse]:
        """The plans that variants were computed by so far, with what was checked; see `run_patched`."""
        return tuple(self._uses)

    def ran_elsewhere(self, count: int, notes: Sequence[str], uses: Sequence[PatchUse] = ()) -> None:
        """A copy of this model has run on `count` images on another machine, by these plans, and had this to say."""
        self._counted(count)
        self._uses += [use for use in uses if use not in self._uses]
        for text in notes:
            self.note(text)

    @property
    def kept_batch_size(self) -> int:
        """Images at once for work that keeps more than a forward pass does, such as gradients."""
        return max(1, self.batch_size // self._share_for_kept)

    def run(self, images: FloatArray, layers: Sequence[str]) -> Values:
        """See `Adapter.run`; any number of images."""
        self._model.compare_precision(images)
        if images.flags.writeable:  # the caller may have changed them since
            return self._in_batches(0, len(images), lambda a, b: self._model.run(images[a:b], layers))
        if self._last is None or self._last[0] is not images or self._last[1] != tuple(layers):
            found = self._in_batches(0, len(images), lambda a, b: self._model.run(images[a:b], layers))
            self._last = images, tuple(layers), found
        return self._last[2]

    def run_each(self, images: FloatArray, layers: Sequence[str], work: Callable[[int, Values], T]) -> list[T]:
        """`work(start, values)` for every batch, in order, where `values` are those of images from `start` on.

        It is done beside the next batches' passes, while the values are fresh, and spares putting them together.
        """
        self._model.compare_precision(images)
        return self._pieces(0, len(images), lambda a, b: work(a, self._model.run(images[a:b], layers)))

    def compare_precision(self, images: FloatArray) -> None:
        """See `Adapter.compare_precision`."""
        self._model.compare_precision(images)

    def run_unrounded(self, images: FloatArray, layers: Sequence[str]) -> Values:
        """See `Adapter.run_unrounded`; any number of images."""
        return self._in_batches(0, len(images), lambda a, b: self._model.run_unrounded(images[a:b], layers))

    def run_patched(self, patched: Patched, layers: Sequence[str]) -> Values:
        """See `Adapter.run_patched`; any number of variants, by windows where that is faster and gives the same."""
        self._model.compare_precision(patched.images)
        runner = self._patch_runner(patched, layers) if patched.by_windows and len(patched) else None
        if runner is None or not runner.plan.is_worth(len(patched) // len(np.unique(patched.places[:, 0]))):
            return self._in_batches(0, len(patched), lambda a, b: self._model.run_patched(patched.part(a, b), layers))
        return run_groups(runner, patched, self.batch_size, self._pool, self._counted, self._halved)

    def patch_plan(self, side: int, layers: Sequence[str], cap: float | None = None) -> PatchPlan:
        """See `Adapter.patch_plan`."""
        return self._model.patch_plan(side, layers, cap)

    def patch_runner(self, side: int, layers: Sequence[str], cap: float | None = None) -> PatchRunner | None:
        """See `Adapter.patch_runner`."""
        return self._model.patch_runner(side, layers, cap)

    def _patch_runner(self, patched: Patched, layers: Sequence[str]) -> PatchRunner | None:
        """The model's, once a few variants have come out as they do in whole passes."""
        key = (patched.side, tuple(layers), patched.cap)
        made = self._patch_runners.get(key)
        if key not in self._patch_runners or (made is not None and not made.holds()):
            runner = self._model.patch_runner(*key)
            kept, check = self._tried(runner, patched, layers) if runner is not None else (False, None)
            self._patch_runners[key] = runner if kept else None
            self._keep_plan(PatchUse(self._model.patch_plan(*key), kept, check))
        return self._patch_runners[key]

    def _tried(self, runner: PatchRunner, patched: Patched, layers: Sequence[str]) -> tuple[bool, PatchCheck | None]:
        """Whether windows may be used, and what they were compared with where they are to be exact."""
        try:
            runner.prepare()
            check = self._check(runner, patched, layers) if patched.cap is None else None
        except OutOfMemory:
            raise
        except ModelError as problem:
            self.note(f"windows cannot be computed, every variant goes through the whole network: {problem.problem}")
            return False, None
        return check is None or self._holds(runner, check), check

    def _check(self, runner: PatchRunner, patched: Patched, layers: Sequence[str]) -> PatchCheck:
        """What windows and whole passes give for some variants of the first image."""
        some = patched.at(patched.places[sample_rows(patched.places, _CHECKED)])
        ours = run_groups(runner, some, self.batch_size, self._pool, lambda count: None, self._halved)
        # Not counted: every copy of the model on a cluster checks for itself.
        passes = [self._model.run_patched(some.part(i, i + 1), layers) for i in range(len(some))]
        theirs = {name: np.concatenate([values[name] for values in passes]) for name in layers}
        finite = [theirs[name][np.isfinite(theirs[name])] for name in layers]
        scale = max(float(np.abs(values).max(initial=1.0)) for values in finite)
        return PatchCheck(len(some), largest_difference(ours, theirs, layers), scale)

    def _holds(self, runner: PatchRunner, check: PatchCheck) -> bool:
        """Whether windows give what whole passes give; noted where they do not."""
        holds = check.largest_difference <= runner.tolerance * check.scale
        if not holds:
            self.note(
                f"a patch's window gave other values than the whole network (by {check.largest_difference:.2g}): "
                "every variant was computed whole, which is slower and right; please report the model"
            )
        return holds

    def _keep_plan(self, use: PatchUse) -> None:
        self._uses.append(use)
        if use.plan.reason:
            self.note(f"every variant goes through the whole network: {use.plan.reason}")

    def _halved(self, tried: int) -> int:
        self.halve(tried)
        return self.batch_size

    def run_from(self, layer: str, values: FloatArray, layers: Sequence[str]) -> Values:
        """See `Adapter.run_from`; any number of rows."""
        return self._in_batches(0, len(values), lambda a, b: self._model.run_from(layer, values[a:b], layers))

    def trace(self, images: "Tensor", layers: Sequence[str], rule: Rule = "plain") -> Trace:
        """See `Adapter.trace`. Not split: what is done with the trace decides what fits; `in_batches` splits that."""
        found = self._model.trace(images, layers, rule)
        self._counted(len(images))
        return found

    def trace_double(self, images: "Tensor", layers: Sequence[str]) -> Trace:
        """See `Adapter.trace_double`."""
        return self._model.trace_double(images, layers)

    def randomized(self, seed: int, part: float = 1.0) -> "BatchedAdapter":
        """See `Adapter.randomized`; in batches of the same size, counted as well."""
        return BatchedAdapter(self._model.randomized(seed, part), self.batch_size, self._counted)

    def at_size(self, size: tuple[int, int], layers: Sequence[str]) -> "BatchedAdapter":
        """See `Adapter.at_size`; in batches that suit the size, or of the size that was asked for, counted as well."""
        batch_size = self.batch_size if self._share_for_kept == 1 else None
        return BatchedAdapter(self._model.at_size(size, layers), batch_size, self._counted)

    def agreement(self, image: FloatArray) -> Agreement:
        """See `Adapter.agreement`."""
        return self._model.agreement(image)

    def receptive_field(self, name: str) -> ReceptiveField | None:
        """See `Adapter.receptive_field`."""
        return self._model.receptive_field(name)

    def kernel(self, name: str) -> Kernel:
        """See `Adapter.kernel`."""
        return self._model.kernel(name)

    def channels_of(self, name: str) -> str:
        """See `Adapter.channels_of`."""
        return self._model.channels_of(name)

    def kernels(self) -> Sequence[str]:
        """See `Adapter.kernels`."""
        return self._model.kernels()

    def evidence(self) -> Mapping[str, object]:
        """See `Adapter.evidence`; also where windows were compared with whole passes."""
        checked = [use.summary() for use in self._uses if use.check]
        return {**self._model.evidence(), **({"windows": checked} if checked else {})}

    def _in_batches(self, start: int, stop: int, run: Run) -> Values:
        """The values of images start to stop, put together."""
        pieces = self._pieces(start, stop, run)
        return pieces[0] if len(pieces) == 1 else {n: np.concatenate([p[n] for p in pieces]) for n in pieces[0]}

    def _pieces(self, start: int, stop: int, run: Callable[[int, int], T]) -> list[T]:
        """What `run` gives for images start to stop; a batch for which there was no room is run again in halves."""
        ranges = [(a, min(a + self.batch_size, stop)) for a in range(start, stop, self.batch_size)]
        pieces = []
        for (a, b), found in zip(ranges, self._attempts(ranges, run), strict=True):
            if isinstance(found, OutOfMemory):
                if b - a == 1:
                    raise found
                self.halve(b - a)
                pieces.extend(self._pieces(a, b, run))
            else:
                self._counted(b - a)
                pieces.append(found)
        return pieces

    def _attempts(self, ranges: Sequence[tuple[int, int]], run: Callable[[int, int], T]) -> Iterator[T | OutOfMemory]:
        def attempt(bounds: tuple[int, int]) -> T | OutOfMemory:
            try:
                return run(*bounds)
            except OutOfMemory as problem:
                return problem

        return self._pool.map(attempt, ranges) if self.parallel > 1 and len(ranges) > 1 else map(attempt, ranges)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.parallel, "viz-model")

    def halve(self, tried: int) -> None:
        """Batches half as large as `tried` from now on, noted for the user."""
        if self.batch_size > tried // 2:
            self.batch_size = max(1, tried // 2)
            self.note(f"out of memory with {tried} images at once: went on with {self.batch_size}")


def run_each(model: Adapter, images: FloatArray, layers: Sequence[str], work: Callable[[int, Values], T]) -> list[T]:
    """`BatchedAdapter.run_each` for any model: one that is not split gets all images at once."""
    if isinstance(model, BatchedAdapter):
        return model.run_each(images, layers, work)
    return [work(0, model.run(images, layers))]


def in_batches(model: Adapter, count: int, work: Callable[[int, int], T]) -> list[T]:
    """`work(start, stop)` over `count` items in batches that suit the model, one after the other.

    For work that keeps more than a forward pass does, such as gradients: a batch for which there was no
    room is tried again in halves, all later ones too. Raises `OutOfMemory` where not even one item fits.
    """
    batched = model if isinstance(model, BatchedAdapter) else BatchedAdapter(model)
    results, start = [], 0
    while start < count:
        stop = min(start + batched.kept_batch_size, count)
        try:
            results.append(work(start, stop))
            start = stop
        except OutOfMemory:
            if stop - start == 1:
                raise
            batched.halve(stop - start)
    return results


def worth_at_once(model: Adapter) -> int:
    """How many images to give to one call of `run`: enough to keep the model busy, few enough to hold."""
    size = model.batch_size if isinstance(model, BatchedAdapter) else _automatic(model)
    return size * (1 if model.parallel == 1 else model.parallel * _BATCHES_PER_WORKER)


def _automatic(model: Adapter) -> int:
    height, width = model.size
    budget = _VALUES_PER_BATCH * (1 if model.source.device == "cpu" else _GPU_FACTOR)
    return int(min(256, max(1, budget // (3 * height * width))))
