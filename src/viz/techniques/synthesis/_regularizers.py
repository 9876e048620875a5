"""Penalties on pictures, to be driven down: decay, alpha-norm and total variation.

Each takes pictures (b, c, h, w) in [0, 1] and gives `weight` times its penalty for each, (b,). With `mean` it is the
mean over all c x h x w values, so that a weight holds for any size; without, the sum, as in the papers.
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from viz.core.errors import UsageError
from viz.techniques.synthesis._colours import MID_GRAY, Colour, as_picture


@dataclass(frozen=True)
class Decay:
    """Squared distance of the pixels from `centre`, one value or one per channel; in squared pixel values.

    At least 0, and 0 where the picture is `centre` all over. Source: Simonyan et al. 2014, arXiv 1312.6034, eq. 1.
    """

    weight: float = 1.0
    centre: Colour = MID_GRAY
    mean: bool = True

    def __call__(self, pictures: Tensor) -> Tensor:
        """The penalty of each picture, (b,)."""
        return self.weight * _total((pictures - as_picture(self.centre, pictures)).square(), pictures, self.mean)


@dataclass(frozen=True)
class AlphaNorm:
    """|pixel - centre| ** alpha: next to nothing for most pixels, steep for those far from `centre`.

    At least 0, in pixel values ** alpha. Source: Mahendran & Vedaldi 2015, arXiv 1412.0035, section 3.1. There,
    pixels run to 255, so a weight w of theirs for a sum is w * 255 ** alpha here. Raises `UsageError` where
    alpha is below 1: the gradient has no bounds.
    """

    weight: float = 1.0
    alpha: float = 6.0
    centre: Colour = MID_GRAY
    mean: bool = True

    def __post_init__(self) -> None:
        if self.alpha < 1:
            raise UsageError(f"alpha {self.alpha:g}: the penalty's gradient has no bounds", "take 1 or more; often 6")

    def __call__(self, pictures: Tensor) -> Tensor:
        """The penalty of each picture, (b,)."""
        away = pictures - as_picture(self.centre, pictures)
        # Powers of squares are several times faster, but below 2 they have no gradient at 0.
        powers = away.square().pow(self.alpha / 2) if self.alpha >= 2 else away.abs().pow(self.alpha)
        return self.weight * _total(powers, pictures, self.mean)


@dataclass(frozen=True)
class TotalVariation:
    """(down ** 2 + across ** 2) ** (beta / 2), of each value's differences from its neighbours below and to the right.

    At least 0, and 0 where the picture has one colour; in pixel values ** beta. At the last row and column the
    difference that has no neighbour is 0. Channels count one by one. Source: Mahendran & Vedaldi 2015,
    arXiv 1412.0035, section 3.1. Raises `UsageError` where beta is below 1.

    Attributes:
        beta: 2 leaves nothing sharp; 1 leaves edges.
        smoothing: below beta 2, the difference in pixel values under which the penalty is as good as squared, so
            that its gradient has bounds: (down ** 2 + across ** 2 + smoothing ** 2) ** (beta / 2) - smoothing ** beta.
    """

    weight: float = 1.0
    beta: float = 2.0
    smoothing: float = 1 / 255
    mean: bool = True

    def __post_init__(self) -> None:
        if self.beta < 1:
            raise UsageError(f"beta {self.beta:g}: the penalty's gradient has no bounds", "take 1 or more; often 2")
        if self.beta < 2 and self.smoothing <= 0:
            raise UsageError(
                f"smoothing {self.smoothing:g}: with beta {self.beta:g} a flat picture has no gradient",
                "take a difference above 0, such as 1 / 255",
            )

    def __call__(self, pictures: Tensor) -> Tensor:
        """The penalty of each picture, (b,)."""
        down = (pictures[:, :, 1:] - pictures[:, :, :-1]).square()
        across = (pictures[..., 1:] - pictures[..., :-1]).square()
        if self.beta == 2:
            return self.weight * (_total(down, pictures, self.mean) + _total(across, pictures, self.mean))
        steps = functional.pad(down, (0, 0, 0, 1)) + functional.pad(across, (0, 1))
        return self.weight * _total(self._powers(steps), pictures, self.mean)

    def _powers(self, steps: Tensor) -> Tensor:
        smoothing = self.smoothing if self.beta < 2 else 0.0
        powers: Tensor = (steps + smoothing**2).pow(self.beta / 2) - smoothing**self.beta
        return powers


def _total(values: Tensor, pictures: Tensor, mean: bool) -> Tensor:
    """Sums of values (b, …), (b,), or means over as many as a picture has."""
    sums = values.flatten(1).sum(1)
    return sums / pictures[0].numel() if mean else sums
