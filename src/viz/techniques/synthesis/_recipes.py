"""How an image is optimized: every dial in one place, and the settings of the papers."""

from dataclasses import dataclass, fields, replace
from math import inf
from typing import TYPE_CHECKING, Any

from viz.core.errors import UsageError

if TYPE_CHECKING:
    from viz.techniques.synthesis._optimizers import Name
    from viz.techniques.synthesis._transformations import Transformations


_SMALLEST = 128  # pixels of a side: in smaller images, borders, shifts and blurs of the presets are smaller too
_RATES = {"ascent": 0.01, "adam": 0.05, "nadam": 0.05, "lbfgs": 1.0}


@dataclass(frozen=True)
class Recipe:
    """All dials of an optimization from nothing. Lengths are in pixels of the picture, weights are per picture.

    Attributes:
        parameters: what is optimized: `pixels` kept within [0, 1], `sigmoid` of free numbers, `fourier`, or the
            `phase` of a fixed spectrum.
        start: `zero` (what the model's own zero looks like), `gray`, `noise`, or an image file.
        decay, alpha_norm, total_variation: weights of penalties, means over the picture's values.
        others: weight of the logsumexp of the other classes' scores, where a class is driven up.
        blur, blur_every: radius of a Gaussian blur, and after how many steps it is done.
        clip_norm, clip_contribution: the share of the pixels that is set to gray as often, those with the smallest
            norm and those that contribute least.
        pad, jitter, scale, rotate, boxes, noise: random transformations, see `Transformations`.
    """

    parameters: str = "fourier"
    start: str = "noise"
    optimizer: "Name" = "adam"
    learning_rate: float = 0.05
    steps: int = 256
    decay: float = 0.0
    alpha_norm: float = 0.0
    total_variation: float = 0.0
    others: float = 0.0
    blur: float = 0.0
    blur_every: int = 4
    clip_norm: float = 0.0
    clip_contribution: float = 0.0
    pad: int = 0
    jitter: int = 0
    scale: str = ""
    rotate: float = 0.0
    boxes: str = ""
    noise: float = 0.0

    def changed(self, owner: Any) -> "Recipe":
        """With what `owner`, whose fields have the same names, says otherwise than None."""
        said = {one.name: getattr(owner, one.name, None) for one in fields(self)}
        given: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
        changed = replace(self, **given)
        if "learning_rate" not in given and (changed.optimizer, changed.kind) != (self.optimizer, self.kind):
            changed = replace(changed, learning_rate=_rate(changed))
        if "start" not in given and changed.parameters == "phase":
            changed = replace(changed, start="noise")
        return changed

    def for_size(self, size: tuple[int, int]) -> "Recipe":
        """With lengths that suit an image (h, w): they are meant for 128 pixels and more, smaller ones have less."""
        part = min(1.0, min(size) / _SMALLEST)
        return replace(self, blur=part * self.blur, pad=round(part * self.pad), jitter=round(part * self.jitter))

    @property
    def kind(self) -> str:
        """What a step changes: values that make up the image, or angles."""
        return "angles" if self.parameters == "phase" else "values"

    @property
    def transformations(self) -> "Transformations":
        """The random transformations; `Transformations()` where there are none."""
        from viz.techniques.synthesis._transformations import Transformations

        return Transformations(
            pad=self.pad,
            jitter=self.jitter,
            scale=interval(self.scale, "scale") if self.scale else (1.0, 1.0),
            rotate=self.rotate,
            boxes=interval(self.boxes, "boxes") if self.boxes else None,
            noise=self.noise,
        )

    @property
    def moves(self) -> bool:
        """Whether the image moves before the model sees it, so that its border is seen."""
        return bool(self.jitter or self.rotate or _is_interval(self.scale) or self.boxes)

    @property
    def is_random(self) -> bool:
        """Whether the model sees something else in every step."""
        return self.moves or self.noise > 0

    @property
    def leaves_chance(self) -> bool:
        """Whether two optimizations with different seeds differ."""
        return self.start == "noise" or self.parameters == "phase" or self.is_random

    @property
    def tends_pixels(self) -> bool:
        """Whether pixels are blurred or set to gray on the way."""
        return bool(self.blur or self.clip_norm or self.clip_contribution)


RECIPES = {
    "simonyan": Recipe(
        parameters="pixels", start="zero", optimizer="ascent", learning_rate=0.005, steps=200, decay=100.0
    ),
    "yosinski": Recipe(
        parameters="pixels",
        start="zero",
        optimizer="ascent",
        learning_rate=0.02,
        steps=300,
        decay=4.0,
        blur=1.0,
        blur_every=4,
        clip_norm=0.1,
        clip_contribution=0.1,
    ),
    "lucid": Recipe(others=1.0, pad=12, jitter=8, scale="0.9,1.111", rotate=5.0),
    "maco": Recipe(parameters="phase", optimizer="nadam", learning_rate=0.1, steps=320, boxes="0.6,1.0", noise=0.03),
}


def _rate(recipe: Recipe) -> float:
    """A learning rate that goes with the optimizer and the parameters."""
    if recipe.kind == "angles" and recipe.optimizer != "lbfgs":
        return RECIPES["maco"].learning_rate
    return _RATES[recipe.optimizer]


def _is_interval(text: str) -> bool:
    """Whether a scale leaves something to chance."""
    return bool(text) and interval(text, "scale") != (1.0, 1.0)


def interval(text: str, name: str) -> tuple[float, float]:
    """Two numbers from `0.9,1.1`; raises `UsageError` where they are none."""
    parts = text.split(",")
    try:
        low, high = (float(part) for part in parts)
    except ValueError:
        raise UsageError(f"--{name} {text} is not two numbers", f"for example --{name} 0.9,1.1") from None
    if not 0 < low <= high < inf:
        raise UsageError(f"--{name} {text} is not LOW,HIGH with 0 < LOW <= HIGH", f"for example --{name} 0.9,1.1")
    return low, high
