"""A penalty whose weight changes on the way: strong at first, so that the coarse is settled before the fine."""

from torch import Tensor

from viz.techniques.synthesis._optimization import Penalty


class Fading:
    """`penalty` with a weight that goes from `first` to `last`, both at least 0.

    By equal factors where both are above 0, by equal differences else. `at` is told how far the way is.
    """

    def __init__(self, penalty: Penalty, first: float, last: float):
        self._penalty, self._first, self._last = penalty, first, last
        self.weight = first

    def at(self, share: float) -> None:
        """`share` of the way, from 0 to 1, is done."""
        self.weight = faded(self._first, self._last, share)

    def __call__(self, pictures: Tensor) -> Tensor:
        """The penalty of each picture (b, 3, h, w), (b,)."""
        return self.weight * self._penalty(pictures)


def faded(first: float, last: float, share: float) -> float:
    """The weight when `share` of the way is done."""
    if min(first, last) > 0:
        return float(first * (last / first) ** share)
    return first + (last - first) * share
