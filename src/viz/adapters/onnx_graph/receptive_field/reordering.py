"""The same values in another arrangement: transposed, reshaped, with axes of length 1 added or removed."""

from dataclasses import replace
from fractions import Fraction
from math import prod

from viz.adapters.onnx_graph.receptive_field.span import Span
from viz.adapters.onnx_graph.receptive_field.step import NotKnown, Spans, Step, sees

Sizes = tuple[int, ...]


@sees("Transpose")
def transposing(step: Step) -> Spans:
    """Axes change places and take their windows along."""

    def through(span: Span) -> Span:
        if span.axis is None:
            return span
        order = step.attribute("perm") or range(step.rank())[::-1]
        return span.on(list(order).index(span.axis))

    return step.each(through)


@sees("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshaping(step: Step) -> Spans:
    """An axis survives, whole, split or merged with others, where the shapes prove it; else everything is mixed.

    The element at flat index f is at position `f // inner % length` of an axis, `inner` being the product
    of the lengths after it; in the new shape it is the axis with the same two numbers, and otherwise
    - part of a longer axis, as h and w in h * w: kept as a fold of it;
    - an axis of the same `inner * length`, which counts the same way in other steps: h in (h / 2, 2).
    """
    before, after = _sizes(step.shape()), _sizes(step.output_shape())
    y, x = step.each(lambda span: span)
    return _reshaped(y, before, after, beside=x), _reshaped(x, before, after, beside=y)


def _reshaped(span: Span, before: Sizes, after: Sizes, beside: Span) -> Span:
    if span.axis is None:
        return span
    inner, length = _counting(span, before)
    near = range(len(after))[:: -1 if span.axis > len(before) // 2 else 1]
    same = [axis for axis in near if (_inner(after, axis), after[axis]) == (inner, length)]
    if same:
        return replace(span, axis=same[0], fold=None)
    recounted = [axis for axis in near if _inner(after, axis) * after[axis] == inner * length and after[axis] > 1]
    if recounted and not _runs_over(after, recounted[0], beside, before):
        return _recounted(span, inner, _inner(after, recounted[0]), after[recounted[0]], recounted[0])
    merged = [axis for axis in near if _contains(_inner(after, axis), after[axis], inner, length)]
    if merged:
        return replace(span, axis=merged[0], fold=(inner // _inner(after, merged[0]), length))
    return span.fixed(before)


def _counting(span: Span, sizes: Sizes) -> tuple[int, int]:
    """(inner, length) of a span in the flat order of a tensor."""
    inner, length = span.fold or (1, sizes[span.axis or 0])
    return inner * _inner(sizes, span.axis or 0), length


def _contains(outer_inner: int, outer_length: int, inner: int, length: int) -> bool:
    """Whether an axis (inner, length) is part of another one."""
    return inner % outer_inner == 0 and (outer_inner * outer_length) % (inner * length) == 0


def _recounted(span: Span, inner: int, new_inner: int, new_length: int, axis: int) -> Span:
    """Position q of the new axis holds flat indices from `q * new_inner` on, before the next position's."""
    ranges = [(q * new_inner // inner, ((q + 1) * new_inner - 1) // inner) for q in range(new_length)]
    return replace(span, axis=axis, fold=None).reading_ranges(ranges, Fraction(new_inner, inner))


def _runs_over(after: Sizes, axis: int, beside: Span, before: Sizes) -> bool:
    """Whether the new axis also runs over the other image axis, so that it stands for neither alone."""
    if beside.axis is None:
        return False
    inner, length = _counting(beside, before)
    return length > 1 and _inner(after, axis) <= inner < _inner(after, axis) * after[axis]


def _inner(sizes: Sizes, axis: int) -> int:
    return prod(sizes[axis + 1 :])


def _sizes(shape: tuple[int | None, ...] | None) -> Sizes:
    sizes = tuple(length for length in shape or () if length)
    if shape is None or len(sizes) != len(shape):
        raise NotKnown(f"a reshape from or to {shape}")
    return sizes
