"""The making of `viz style`: start, optimization, colours, and what each term of the loss came to."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor

from viz.core.adapter import Adapter
from viz.core.images import Photo, to_bytes, to_float
from viz.core.making import Picture, Plot, Watch
from viz.core.result import FloatArray
from viz.techniques.synthesis._easel import Easel, easel_for
from viz.techniques.synthesis._given_picture import given_photo, middle_of
from viz.techniques.synthesis._objective import Objective
from viz.techniques.synthesis._optimization import Optimization, Penalty, Way, optimize
from viz.techniques.synthesis._pixels import Pixels
from viz.techniques.synthesis._regularizers import TotalVariation
from viz.techniques.synthesis._style_terms import StyleTerms, content_terms, style_terms

if TYPE_CHECKING:
    from viz.techniques.synthesis.style import Style

_RATES = {"lbfgs": 1.0, "adam": 0.03}


def painted(asked: "Style", model: Adapter, photo: Photo, watch: Watch) -> Picture:
    """A photo in the style of `asked.style`, at its own size or with `longest` pixels on its longer side."""
    easel = easel_for(asked, model, photo)
    watch.tell(easel.memory_plan(asked.optimizer))
    # Of the photo's size, so that brush strokes are as wide in the painting as in the style picture.
    styles = [middle_of(given_photo("--style", path), easel.size) for path in asked.style]
    terms = _terms(asked, easel, styles)
    way = optimize(_plan(asked, easel, styles, terms), watch, terms.target.score)
    return _picture(asked, easel, terms, way)


def _terms(asked: "Style", easel: Easel, styles: Sequence[FloatArray]) -> StyleTerms:
    paper, shares = asked.losses == "paper", asked.style_share or [1.0] * len(styles)
    content = content_terms(easel.model, easel.content, easel.content_layers, asked.content_weight, paper)
    style = style_terms(easel.model, styles, shares, easel.style_layers, asked.style_weight, paper)
    return StyleTerms({**content, **style})


def _plan(asked: "Style", easel: Easel, styles: Sequence[FloatArray], terms: StyleTerms) -> Optimization:
    penalties: list[Penalty] = [TotalVariation(asked.smoothness)] if asked.smoothness else []
    return Optimization(
        objective=Objective(easel.model, (terms.target,)),
        parameters=Pixels(_start(asked, easel, styles)),
        view=lambda pictures, generator: pictures,
        steps=asked.steps,
        method="lbfgs" if asked.optimizer == "lbfgs" else "adam",
        learning_rate=_RATES[asked.optimizer] if asked.learning_rate is None else asked.learning_rate,
        penalties=penalties,
        seed=asked.seed,
        keep_best=True,
    )


def _start(asked: "Style", easel: Easel, styles: Sequence[FloatArray]) -> Tensor:
    if asked.start == "noise":
        generator = torch.Generator().manual_seed(asked.seed)
        return (0.5 + 0.1 * torch.randn((1, *easel.content.shape), generator=generator)).clamp(0, 1)
    return torch.from_numpy((easel.content if asked.start == "content" else styles[0])[None].copy())


def _picture(asked: "Style", easel: Easel, terms: StyleTerms, way: Way) -> Picture:
    image, frames = way.pictures[0], way.frames[0] if way.frames else []
    if asked.original_colours:
        image = with_colours_of(easel.content, image)
        frames = [to_bytes(with_colours_of(easel.content, to_float(frame))) for frame in frames]
    split = _split(easel.model, terms, easel.content, image)
    return Picture(
        {"image": image, "loss": way.losses[:, 0], "terms": split},
        {"loss_before": float(split[:, 0].sum()), "loss": float(split[:, 1].sum()), **_named(terms, split[:, 1])},
        frames=tuple(frames),
        plots={
            "losses": Plot(way.losses[:, 0], "loss, smoothness included"),
            "terms": Plot(split, "each term of the loss, its weight within", ("photo", "result"), tuple(terms.terms)),
        },
    )


def _split(model: Adapter, terms: StyleTerms, *images: FloatArray) -> FloatArray:
    """Each term of the loss for each image, (terms, images)."""
    return np.array([list(terms.split(model, image).values()) for image in images], np.float32).T


def _named(terms: StyleTerms, values: FloatArray) -> dict[str, float]:
    """What content and style come to together, and each of their terms."""
    each = dict(zip(terms.terms, values.tolist(), strict=True))
    sums = {f"{kind}_loss": sum(v for n, v in each.items() if n.startswith(kind)) for kind in ("content", "style")}
    return {**sums, **each}


def with_colours_of(content: FloatArray, image: FloatArray) -> FloatArray:
    """The image's brightness with the content's colours, all (3, h, w).

    Source: Gatys et al. 2016, "Preserving color in neural artistic style transfer", arXiv 1606.05897, section 3.
    """
    ours, theirs = (cv2.cvtColor(one.transpose(1, 2, 0), cv2.COLOR_RGB2YCrCb) for one in (image, content))
    mixed = cv2.cvtColor(np.dstack([ours[..., :1], theirs[..., 1:]]), cv2.COLOR_YCrCb2RGB)
    return np.ascontiguousarray(np.clip(mixed, 0, 1).transpose(2, 0, 1), np.float32)
