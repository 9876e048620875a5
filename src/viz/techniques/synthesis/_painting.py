"""The making of `viz style`: references, start, optimization, colours, and what each term of the loss came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor

from viz.core import images as image_files
from viz.core.adapter import Adapter
from viz.core.errors import ImageError, NotSupported, UsageError
from viz.core.fitting import fit_pixels
from viz.core.images import Photo, Pixels, to_bytes, to_float
from viz.core.making import Picture, Plot, Watch
from viz.core.preprocess import Preprocess
from viz.core.readings import Constant
from viz.core.result import FloatArray
from viz.core.target import Target, Term
from viz.techniques.synthesis._objective import Objective
from viz.techniques.synthesis._optimization import Optimization, Penalty, optimize
from viz.techniques.synthesis._pixels import Pixels as PixelParameters
from viz.techniques.synthesis._regularizers import TotalVariation
from viz.techniques.synthesis._style_layers import content_layers, style_layers
from viz.techniques.synthesis._style_losses import ContentDistance, StyleDistance, gram_matrix

if TYPE_CHECKING:
    from viz.techniques.synthesis.style import Style

_RATES = {"lbfgs": 1.0, "adam": 0.03}
_HISTORY = 2 * 20  # pictures that L-BFGS remembers


@dataclass(frozen=True)
class _Easel:
    """A photo, the model at its size, and the layers that are looked at."""

    asked: "Style"
    model: Adapter
    content: FloatArray
    content_layers: tuple[str, ...]
    style_layers: Mapping[str, float]

    @property
    def layers(self) -> list[str]:
        return list(dict.fromkeys([*self.content_layers, *self.style_layers]))


def painted(asked: "Style", model: Adapter, photo: Photo, watch: Watch) -> Picture:
    """A photo in the style of `asked.style`, at its own size or with `longest` pixels on its longer side."""
    easel = _easel(asked, model, photo)
    watch.tell(_memory_plan(easel))
    styles = [_style_picture(path, easel.content.shape[1:]) for path in asked.style]
    terms = _terms(easel, styles)
    way = optimize(_plan(easel, styles, terms), watch, "minus the loss")
    image = way.pictures[0]
    if asked.original_colours:
        image = _with_colours_of(easel.content, image)
    return _picture(easel, terms, image, way.losses, way.frames[0] if way.frames else [])


def _easel(asked: "Style", model: Adapter, photo: Photo) -> _Easel:
    content, style = content_layers(model, asked.content_layer), style_layers(model, asked.style_layer)
    layers = list(dict.fromkeys([*content, *style]))
    model.note(f"content: {', '.join(content)}; style: {', '.join(f'{n} ({w:.3g})' for n, w in style.items())}")
    size = _size(photo.size, asked.longest)
    try:
        fitted = model if size == model.size else model.at_size(size, layers)
    except NotSupported as problem:
        model.note(f"painted at the model's own size, as another one is not possible: {problem.problem}")
        fitted, size = model, model.size
    pixels = fit_pixels(photo.pixels, Preprocess(size=size, crop="center")).pixels
    return _Easel(asked, fitted, pixels, tuple(content), style)


def _size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    factor = min(1.0, longest / max(size)) if longest else 1.0
    height, width = (max(1, round(side * factor)) for side in size)
    return height, width


def _memory_plan(easel: _Easel) -> str:
    """What the optimization will hold in memory, in words: activations there and back, and what L-BFGS remembers."""
    height, width = easel.content.shape[1:]
    values = sum(_count(layer.shape) for layer in easel.model.layers.values())
    history = _HISTORY * 3 * height * width * (easel.asked.optimizer == "lbfgs")
    megabytes = 4 * (2 * values + history) / 1e6
    known = "about" if all(layer.shape for layer in easel.model.layers.values()) else "at least"
    return f"{width}x{height} pixels, {known} {megabytes:,.0f} MB for activations, gradients and the optimizer"


def _count(shape: tuple[int | None, ...] | None) -> int:
    return int(np.prod([length or 1 for length in shape])) if shape else 0


def _style_picture(path: str, size: tuple[int, ...]) -> FloatArray:
    """The middle of a style picture at the content's size, so that its brush strokes have the same scale."""
    try:
        photo = image_files.read(Path(path).expanduser())
    except ImageError as problem:
        raise UsageError(f"--style {path}: {problem.problem}", problem.next_step or "give an image file") from None
    return fit_pixels(photo.pixels, Preprocess(size=(size[0], size[1]), crop="center")).pixels


def _terms(easel: _Easel, styles: list[FloatArray]) -> dict[str, Term]:
    """Every term of the loss by name, its weight within."""
    asked, paper = easel.asked, easel.asked.losses == "paper"
    found = easel.model.run(easel.content[None], list(easel.content_layers))
    terms = {
        f"content {name}": Term(
            ContentDistance(name, Constant.of(found[name]), paper), asked.content_weight / len(easel.content_layers)
        )
        for name in easel.content_layers
    }
    grams = _mixed_grams(easel, styles)
    for name, weight in easel.style_layers.items():
        terms[f"style {name}"] = Term(StyleDistance(name, Constant.of(grams[name]), paper), asked.style_weight * weight)
    return terms


def _mixed_grams(easel: _Easel, styles: list[FloatArray]) -> dict[str, FloatArray]:
    """The Gram matrices of the style pictures, averaged with their shares."""
    shares = np.array(easel.asked.style_share or [1.0] * len(styles))
    shares = shares / shares.sum()
    mixed: dict[str, FloatArray] = {}
    for share, style in zip(shares, styles, strict=True):
        values = easel.model.run(style[None], list(easel.style_layers))
        for name, value in values.items():
            part = np.float32(share) * np.asarray(gram_matrix(value)[0], np.float32)
            mixed[name] = mixed[name] + part if name in mixed else part
    return mixed


def _plan(easel: _Easel, styles: list[FloatArray], terms: Mapping[str, Term]) -> Optimization:
    asked = easel.asked
    target = Target(tuple(terms.values()), "minus the loss", score="loss")
    penalties: list[Penalty] = [TotalVariation(asked.smoothness)] if asked.smoothness else []
    return Optimization(
        objective=Objective(easel.model, (target,)),
        parameters=PixelParameters(_start(easel, styles)),
        view=lambda pictures, generator: pictures,
        steps=asked.steps,
        method="lbfgs" if asked.optimizer == "lbfgs" else "adam",
        learning_rate=_RATES[asked.optimizer] if asked.learning_rate is None else asked.learning_rate,
        penalties=penalties,
        seed=asked.seed,
        keep_best=True,
    )


def _start(easel: _Easel, styles: list[FloatArray]) -> Tensor:
    if easel.asked.start == "noise":
        generator = torch.Generator().manual_seed(easel.asked.seed)
        return (0.5 + 0.1 * torch.randn((1, *easel.content.shape), generator=generator)).clamp(0, 1)
    return torch.from_numpy((easel.content if easel.asked.start == "content" else styles[0])[None].copy())


def _picture(
    easel: _Easel,
    terms: Mapping[str, Term],
    image: FloatArray,
    losses: FloatArray,
    frames: Sequence[Pixels],
) -> Picture:
    before, after = (_split(easel, terms, one) for one in (easel.content, image))
    if easel.asked.original_colours:
        frames = [to_bytes(_with_colours_of(easel.content, to_float(frame))) for frame in frames]
    split = np.array([[before[name], after[name]] for name in terms], np.float32)
    return Picture(
        {"image": image, "loss": losses[:, 0], "terms": split},
        {"loss before": float(split[:, 0].sum()), "loss": float(split[:, 1].sum()), **_sums(after)},
        frames=tuple(frames),
        plots={
            "losses": Plot(losses[:, 0], "loss, smoothness included"),
            "terms": Plot(split, "each term of the loss, its weight within", ("photo", "result"), tuple(terms)),
        },
    )


def _sums(terms: Mapping[str, float]) -> dict[str, float]:
    """What content and style come to together."""
    kinds = {"content loss": "content ", "style loss": "style "}
    return {kind: sum(v for name, v in terms.items() if name.startswith(start)) for kind, start in kinds.items()}


def _split(easel: _Easel, terms: Mapping[str, Term], image: FloatArray) -> dict[str, float]:
    """Each term of the loss, its weight within, for the image as it is saved, by the model's own forward pass."""
    saved = to_float(to_bytes(image))
    values = {n: torch.from_numpy(v) for n, v in easel.model.run(saved[None], easel.layers).items()}
    return {name: -term.weight * float(term.reading.read(values)[0]) for name, term in terms.items()}


def _with_colours_of(content: FloatArray, image: FloatArray) -> FloatArray:
    """The image's brightness with the content's colours (Gatys et al. 2016, arXiv 1606.05897, section 3)."""
    ours, theirs = (cv2.cvtColor(one.transpose(1, 2, 0), cv2.COLOR_RGB2YCrCb) for one in (image, content))
    mixed = cv2.cvtColor(np.dstack([ours[..., :1], theirs[..., 1:]]), cv2.COLOR_YCrCb2RGB)
    return np.ascontiguousarray(np.clip(mixed, 0, 1).transpose(2, 0, 1), np.float32)
