"""How an image is optimized: every dial in one place, and the settings of the papers."""

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from viz.core.errors import UsageError

if TYPE_CHECKING:
    from viz.techniques.synthesis._optimizers import Name
    from viz.techniques.synthesis._transformations import Transformations


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
        given = {one.name: getattr(owner, one.name, None) for one in fields(self)}
        given = {name: value for name, value in given.items() if value is not None}
        if "learning_rate" not in given and given.get("optimizer", self.optimizer) != self.optimizer:
            given["learning_rate"] = _RATES[given["optimizer"]]  # a rate belongs to its optimizer
        return replace(self, **given)

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

    def check(self, starts: int, diversity: float) -> None:
        """Raise `UsageError` for dials that do not go together."""
        if self.scale:
            interval(self.scale, "scale")
        if self.boxes and interval(self.boxes, "boxes")[1] > 1:
            raise UsageError(f"--boxes {self.boxes}: a box cannot be larger than the image", "give shares up to 1")
        if starts > 1 and not self.leaves_chance:
            problem = (
                f"all {starts} starts would give the same image: they start from {self.start} and nothing is random"
            )
            raise UsageError(problem, "add --start noise, or random transformations such as --jitter 8")
        if diversity and starts < 2:
            raise UsageError("--diversity drives images of one target apart, and there is one start", "add --starts 4")
        if self.parameters != "pixels" and (self.blur or self.clip_norm or self.clip_contribution):
            hint = "add --parameters pixels, or leave --blur and the clips out"
            raise UsageError(f"blurring and clipping change pixels, and the parameters are {self.parameters}", hint)
        if self.parameters == "phase" and self.start != "noise":
            hint = "leave --start out, or take --parameters fourier"
            raise UsageError(f"--start {self.start}: a phase starts from noise", hint)
        if self.optimizer == "lbfgs" and self.transformations != type(self.transformations)():
            hint = "add --jitter 0 and the like, --preset simonyan, or take --optimizer adam"
            raise UsageError("lbfgs needs the same objective in every step, and there are random transformations", hint)

    @property
    def leaves_chance(self) -> bool:
        """Whether two optimizations with different seeds differ."""
        moved = self.pad or self.jitter or self.rotate or self.noise or self.scale or self.boxes
        return self.start == "noise" or self.parameters == "phase" or bool(moved)


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


def interval(text: str, name: str) -> tuple[float, float]:
    """Two numbers from `0.9,1.1`; raises `UsageError` where they are none."""
    parts = text.split(",")
    try:
        low, high = (float(part) for part in parts)
    except ValueError:
        raise UsageError(f"--{name} {text} is not two numbers", f"for example --{name} 0.9,1.1") from None
    if not 0 < low <= high:
        raise UsageError(f"--{name} {text} is not LOW,HIGH with 0 < LOW <= HIGH", f"for example --{name} 0.9,1.1")
    return low, high
