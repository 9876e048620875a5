"""A torch model up to some layers, for images of another size: run, held against the model at its own size."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from viz.adapters.same_function import Found, Pair, Window, compared
from viz.adapters.torch_module.batches import tolerance
from viz.adapters.torch_module.cut_program import CutProgram, Shape
from viz.adapters.torch_module.exported import ExportedModel
from viz.adapters.torch_module.runner import Runner, Table
from viz.adapters.torch_module.trial import get_to_know, noise
from viz.core.errors import ModelError, NotSupported, OutOfMemory
from viz.core.layer import Layer, ReceptiveField
from viz.core.result import FloatArray

Size = tuple[int, int]

# Operations that may have a size of their own written into them, where it does not show in the values.
_POOLS = frozenset("AvgPool2d MaxPool2d LPPool2d avg_pool2d max_pool2d lp_pool2d".split())
_SIZED = frozenset("Upsample interpolate upsample upsample_nearest2d upsample_bilinear2d getitem narrow slice".split())


def cut_runner(runner: Runner, size: Size, wanted: tuple[str, ...]) -> Runner:
    """The program up to `wanted`, for images of another size. Raises `NotSupported` for one with a fixed size."""
    program, preprocess = runner.program, runner.preprocess.at_size(size)
    if isinstance(program, ExportedModel) and not program.takes(size, preprocess.layout):
        raise NotSupported(
            f"{runner.name} was exported by torch.export for images of {_written(runner.preprocess.size)} only",
            "give the torch module itself or its ONNX file, or export with free height and width",
        )
    return Runner(CutProgram(program, wanted), preprocess, runner.device, runner.name)


def table_at_size(
    own: Runner, table: Table, runner: Runner, wanted: tuple[str, ...], apart: bool
) -> tuple[Table, list[str]]:
    """What a trial run at the other size shows, with notes; `runner` is cut, `own` and `table` are the whole model's.

    Raises `NotSupported` where the model does not hold at that size, as far as shapes tell.
    """
    try:
        found, _, notes = get_to_know(runner, apart)
    except OutOfMemory:
        raise
    except ModelError as problem:
        seen = list(_seen(runner))
        after = f"after {seen[-1]!r} " if seen else ""
        raise _refusal(own, runner, wanted, f"{after}it fails: {problem.problem.splitlines()[0]}", seen) from problem
    at_own_size = cut_runner(own, own.preprocess.size, wanted)
    at_own_size.survey(noise(own, own.program.batch or 1))
    before, after_all = _seen(at_own_size), list(_seen(runner))
    for name, shapes in _seen(runner).items():
        reason = _written_in(table.layers.get(name), found.layers.get(name), before.get(name), shapes)
        if reason:
            raise _refusal(own, runner, wanted, f"{name!r} {reason}", after_all[: after_all.index(name)])
    _cut(runner).notes_shapes = False
    return found, notes


def _cut(runner: Runner) -> CutProgram:
    assert isinstance(runner.program, CutProgram), "made by cut_runner"
    return runner.program


def _seen(runner: Runner) -> Mapping[str, tuple[Shape, Shape]]:
    return _cut(runner).seen


def _refusal(own: Runner, runner: Runner, wanted: tuple[str, ...], reason: str, before: list[str]) -> NotSupported:
    named = ", ".join(map(repr, before[:-4:-1]))
    return NotSupported(
        f"{own.name} cannot be run at {_written(runner.preprocess.size)} up to {', '.join(wanted)}: {reason}",
        f"choose a layer up to {before[-1]!r}: {named}" if before else "leave the size to the model",
    )


@dataclass(frozen=True)
class Side:
    """The model at one of the two sizes: its size, its run, and the receptive fields of its layers."""

    size: Size
    run: Callable[[FloatArray, Sequence[str]], Mapping[str, FloatArray]]
    field: Callable[[str], ReceptiveField | None]


def compare(own: Side, other: Side, runner: Runner, layers: Sequence[str], wanted: Sequence[str]) -> dict[str, Found]:
    """What was found at positions that see the same pixels at both sizes, of `wanted` or of `layers` before them.

    Windows are taken to lie as at the own size and, where values then differ, as they are seen to at the other.
    """
    pairs = _chosen(own, other, layers, wanted)
    found = _compared(own, other, pairs)
    limit = tolerance(runner.dtype)
    if any(one.difference > limit for one in found.values()):
        seen = {name: field for name in pairs if (field := other.field(name)) is not None}
        pairs = {name: Pair(pair.own, _windows(seen[name])) if name in seen else pair for name, pair in pairs.items()}
        found = _compared(own, other, pairs)
    for name, one in found.items():
        if one.difference > limit:
            raise NotSupported(
                f"{runner.name} at {_written(other.size)} is another function than at {_written(own.size)}: positions "
                f"of {name!r} that see the same pixels differ, as padding or resizing goes by the image's size",
                f"choose a size that differs from {_written(own.size)} by multiples of its stride, or an earlier layer",
            )
    return found


def _compared(own: Side, other: Side, pairs: Mapping[str, Pair]) -> dict[str, Found]:
    names = tuple(pairs)
    return compared(
        pairs, lambda images: own.run(images, names), lambda images: other.run(images, names), own.size, other.size
    )


def _chosen(own: Side, other: Side, layers: Sequence[str], wanted: Sequence[str]) -> dict[str, Pair]:
    """The wanted layers that can be compared; where one cannot, also a layer before it, found in a few steps."""
    pairs: dict[str, Pair] = {}
    for name in wanted:
        _add(pairs, own, other, name)
    if len(pairs) < len(wanted):
        before = list(layers)
        while before and not _add(pairs, own, other, before[-1]):
            before = before[: len(before) * 2 // 3]
    return pairs


def _add(pairs: dict[str, Pair], own: Side, other: Side, name: str) -> bool:
    field = own.field(name)
    pair = Pair(_windows(field), _windows(field)) if field is not None and not field.everywhere else None
    if pair is None or not pair.fits(own.size, other.size) or any(window.step <= 0 for window in pair.own):
        return False
    pairs[name] = pair
    return True


def _written_in(
    own: Layer | None, other: Layer | None, before: tuple[Shape, Shape] | None, after: tuple[Shape, Shape]
) -> str:
    """Why a layer does not hold at the other size, by the shapes of what it reads and gives; empty where it may."""
    if own is None or other is None or own.shape is None or other.shape is None:
        return ""
    if len(own.shape) != len(other.shape):
        return f"has another number of axes there: {other.shape[1:]}, not {own.shape[1:]} for each image"
    if len(own.shape) == 2 and own.shape != other.shape:
        return f"has {other.shape[1]} values there, not {own.shape[1]}: it joins positions with channels"
    if before is not None and other.op in _POOLS | _SIZED and all(len(shape) == 4 for shape in (*before, *after)):
        for read, given in zip(
            zip(before[0], after[0], strict=True), zip(before[1], after[1], strict=True), strict=True
        ):
            if read[0] != read[1] and given[0] == given[1] and (given[0] == 1 or other.op in _SIZED):
                return f"({other.op}) makes {given[0]} positions of {read[1]}, as of {read[0]} at the model's own size"
    return ""


def _windows(field: ReceptiveField) -> tuple[Window, Window]:
    """The windows of a feature map (b, c, h, w)."""
    y, x = (
        Window(
            2 + k, Fraction(field.offset[k]), Fraction(field.offset[k]) + field.size[k] - 1, Fraction(field.stride[k])
        )
        for k in (0, 1)
    )
    return y, x


def _written(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
