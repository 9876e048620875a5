"""What a target is asked for: a model, images, and which score is read; and which class a text means for each."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter
from viz.core.errors import ImageError, UsageError
from viz.core.result import FloatArray
from viz.core.target.weighted import Target

Ranking = NDArray[np.intp]
ScoreKind = Literal["auto", "logit", "probability"]
Found = Target | ImageError  # for one image: a target, or why this image has none


@dataclass(frozen=True)
class Asked:
    """For which model and images a target is made.

    Attributes:
        images: the clean images, (b, 3, h, w); none where a target is only checked.
        score: before or after the softmax.
        truths: each image's true class, where known.
        order: (b, classes) class indices by falling score, where known already.
    """

    model: Adapter
    images: FloatArray
    score: ScoreKind = "auto"
    truths: Sequence[str | None] | None = None
    order: Ranking | None = None

    def values(self, layer: str) -> FloatArray:
        """The layer's values for the clean images, (b, …); the model keeps them for whoever asks next."""
        return self.model.run(self.images, [layer])[layer]

    def classes(self, text: str, count: int, ranked: Callable[[int], Sequence[int]]) -> list[int]:
        """The class, of `count`, that `text` means for each image: topN, label, a name or an index.

        `ranked(n)` gives each image's class of rank n, from 1. Raises `UsageError` or `UnknownName`.
        """
        if match := re.fullmatch(r"top(\d+)", text):
            if not 1 <= int(match[1]) <= count:
                raise UsageError(f"{text} does not exist", f"the model has {count} classes")
            return list(ranked(int(match[1])))
        if text == "label":
            return [self._true_class(truth, count) for truth in self.truths or [None] * len(self.images)]
        return [self.model.labels.index(unquoted(text), count)] * len(self.images)

    def _true_class(self, truth: str | None, count: int) -> int:
        if truth is None:
            raise UsageError(
                "--target label needs each image's true class, and none is known for this image",
                'put a labels.json beside the images: {"a.jpg": "tabby", "b.jpg": 207}',
            )
        return self.model.labels.index(truth, count)


def unquoted(text: str) -> str:
    """A name without the double quotes that keep it whole."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
