"""What a search for one class's fooling image gave."""

from dataclasses import dataclass

from viz.core.images import Pixels
from viz.core.result import FloatArray


@dataclass(frozen=True)
class Found:
    """The best picture of one class.

    Attributes:
        image: (3, h, w) in [0, 1] at the model's input size, before it is rounded to 8 bits.
        curve: the class's confidence after every step or generation.
        steps: how many it took to get there, or how many there were.
        frames: pictures of the way, (h, w, 3) each.
        evaluations: pictures that the model was shown on the way.
    """

    image: FloatArray
    curve: FloatArray
    steps: int
    frames: tuple[Pixels, ...]
    evaluations: int
