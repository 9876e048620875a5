"""How much each position of a layer contributes to a class, to first order: gradient times activation."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from viz.core.adapter import Adapter
from viz.core.batching import in_batches
from viz.core.errors import NotSupported
from viz.core.gradients import input_gradients
from viz.core.result import FloatArray
from viz.core.target import Target, check_target, class_target, targets_for
from viz.core.target.asked import unquoted
from viz.techniques.activation._probe_scale import probe

T = TypeVar("T")
NO_GRADIENT = "rank by --rank max or --rank mean, which need no gradient"


def check_class(model: Adapter, text: str) -> None:
    """Raise `UsageError` or `UnknownName` where `text` is neither a class of the model nor top1, top2, …"""
    check_target("top1", model)  # a model that has classes
    assert model.scores is not None, "top1 is a target of models with class scores only"
    if re.fullmatch(r"top\d+", text):
        check_target(text, model)
    else:
        class_target(model, model.labels.index(unquoted(text), model.scores.classes))


def relevant(model: Adapter, text: str, layers: Sequence[str]) -> list[str]:
    """Those of the layers that the class's score follows from, by its gradient on pictures that are always the same.

    Raises `NotSupported` where no gradient is to be had.
    """
    pictures = probe(model.size)[:2]
    try:
        found = input_gradients(model, pictures, _targets(model, text, pictures), layers=layers, pixels=False)
    except NotSupported as problem:
        raise NotSupported(problem.problem, NO_GRADIENT) from problem
    return [name for name in layers if np.any(found.layers[name])]


def relevances(
    model: Adapter,
    text: str,
    images: FloatArray,
    zeros: dict[str, float],
    work: Callable[[int, dict[str, FloatArray], dict[str, FloatArray]], T],
) -> list[T]:
    """`work(start, values, relevance)` for every batch of images (b, 3, h, w), with both by layer, in the same form.

    `zeros` are the layers and what stands for zero in each. Relevance is the gradient of the class's score times the
    activation; over positions it adds up to what the channel contributes, to first order. Source: Achtibat et al.
    2023, arXiv 2206.03208, on ranking by relevance (RelMax), there with layer-wise relevance propagation.
    """
    targets = _targets(model, text, images)

    def piece(start: int, stop: int) -> T:
        found = input_gradients(model, images[start:stop], targets[start:stop], layers=list(zeros), pixels=False)
        values = {name: found.activations[name] for name in zeros}
        relevance = {name: found.layers[name] * (values[name] - np.float32(zero)) for name, zero in zeros.items()}
        return work(start, values, relevance)

    return in_batches(model, len(images), piece)


def _targets(model: Adapter, text: str, images: FloatArray) -> list[Target]:
    return targets_for(text, model, images)
