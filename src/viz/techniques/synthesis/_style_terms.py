"""The terms of the loss of `viz style`: content and style of a picture at some layers, each with its weight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from viz.core.adapter import Adapter
from viz.core.images import to_bytes, to_float
from viz.core.readings import Constant
from viz.core.result import FloatArray
from viz.core.target import Target, Term
from viz.techniques.synthesis._style_losses import ContentDistance, StyleDistance, gram_matrix


@dataclass(frozen=True)
class StyleTerms:
    """Every term of the loss by name, `content LAYER` or `style LAYER`, with its weight within; smoothness apart."""

    terms: Mapping[str, Term]

    @property
    def target(self) -> Target:
        """Minus the loss, which is driven up."""
        return Target(tuple(self.terms.values()), "minus the loss", score="minus the loss")

    def split(self, model: Adapter, image: FloatArray) -> dict[str, float]:
        """What each term comes to for an image (3, h, w) as it is saved, by the model's own forward pass."""
        saved = to_float(to_bytes(image))
        values = {n: torch.from_numpy(v) for n, v in model.run(saved[None], list(self.target.layers)).items()}
        return {name: -term.weight * float(term.reading.read(values)[0]) for name, term in self.terms.items()}


def content_terms(
    model: Adapter, content: FloatArray, layers: Sequence[str], weight: float, paper: bool
) -> dict[str, Term]:
    """Distances to what the layers hold of `content` (3, h, w); the weight is shared out evenly."""
    found = model.run(content[None], list(layers))
    return {
        f"content {name}": Term(ContentDistance(name, Constant.of(found[name]), paper), weight / len(layers))
        for name in layers
    }


def style_terms(
    model: Adapter,
    styles: Sequence[FloatArray],
    shares: Sequence[float],
    layers: Mapping[str, float],
    weight: float,
    paper: bool,
) -> dict[str, Term]:
    """Distances to the Gram matrices of the style pictures (3, h, w), averaged with their shares."""
    grams = _mixed_grams(model, styles, np.array(shares) / np.sum(shares), list(layers))
    return {
        f"style {name}": Term(StyleDistance(name, Constant.of(grams[name]), paper), weight * share)
        for name, share in layers.items()
    }


def _mixed_grams(
    model: Adapter, styles: Sequence[FloatArray], shares: Sequence[float], layers: list[str]
) -> dict[str, FloatArray]:
    mixed = {name: np.float32(0) for name in layers}
    for share, style in zip(shares, styles, strict=True):
        for name, value in model.run(style[None], layers).items():
            mixed[name] = mixed[name] + np.float32(share) * gram_matrix(value)[0]
    return {name: np.asarray(gram, np.float32) for name, gram in mixed.items()}
