"""Targets of images that are still to be made, from what the user typed."""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError, UsageError
from viz.core.target import Target, targets_for

_OF_AN_IMAGE = re.compile(
    r"(?:[\d.]+\s*\*\s*)?(?:box\s+)?(?P<which>top\d+|label)(?:@.*|\s+(?:in|near|as|of)\s.*)?", re.DOTALL
)


def targets_of_texts(texts: Sequence[str], model: Adapter) -> Iterator[tuple[str, Target]]:
    """The target of each text. Raises `UsageError` for one that only an image could have."""
    # Choices that depend on an image, such as which box of a detector, are made on mid-gray.
    gray = np.full((1, 3, *model.size), 0.5, np.float32)
    for text in texts:
        _refuse_of_an_image(text)
        try:
            yield text, targets_for(text, model, gray)[0]
        except ImageError as problem:
            raise UsageError(f"--target {text}: {problem.problem}", "name a class or a neuron") from None


def _refuse_of_an_image(text: str) -> None:
    for part in re.split(r"\s[+-]\s", text):
        if found := _OF_AN_IMAGE.fullmatch(part.strip()):
            problem = f"--target {text}: {found['which']} is a class of an image, and there is none yet"
            raise UsageError(problem, "name a class or a neuron")
