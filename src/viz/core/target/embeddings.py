"""Targets that are a likeness: how near the model's embedding of an image is to that of another one."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from viz.core import images as image_files
from viz.core.adapter import Adapter, Layer
from viz.core.errors import ImageError, UsageError
from viz.core.readings import Constant, Similarity, embedding
from viz.core.result import FloatArray
from viz.core.target.asked import Asked
from viz.core.target.weighted import Target, Term

_LOOK_BACK = 8  # layers that may lie between an embedding and the classifier: flatten, dropout, …


def like_target(model: Adapter, picture: FloatArray, name: str, layer: str | None = None) -> Target:
    """The cosine similarity of the images' embedding to that of `picture`, (3, h, w) RGB in [0, 1].

    The embedding is `layer`'s, averaged over positions where it has any; default: the model's output where
    it has no class scores, else the layer before its classifier. Raises `UsageError` where that is not found.
    """
    chosen = model.layer(layer).name if layer else _default_layer(model)
    values = embedding(model.run(picture[None].copy(), [chosen])[chosen])
    length = float((values**2).sum() ** 0.5)
    if length == 0:
        raise UsageError(f"{chosen} is all zeros for {name}: nothing can be like it", "name another layer or picture")
    return Target((Term(Similarity(chosen, Constant.of(values[0] / length))),), f"{chosen} like {name}", score="cosine")


def like_targets(layer: str | None, file: str, asked: Asked) -> list[Target]:
    """`like FILE`: the same target for every image."""
    picture = _read(Path(file).expanduser(), asked.model)
    if layer:
        asked.model.layer(layer)
    elif not len(asked.images):
        _default_layer(asked.model)
    return [like_target(asked.model, picture, Path(file).name, layer)] * len(asked.images) if len(asked.images) else []


def content_hash(path: Path) -> str:
    """sha256 of a picture's file; empty for one that is not there, which is an error where it is read."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _read(path: Path, model: Adapter) -> FloatArray:
    try:
        return image_files.fit(image_files.read(path), model.preprocess).pixels
    except ImageError as problem:
        raise UsageError(
            f"the picture to be like, {path}: {problem.problem}",
            problem.next_step or "give the path of a picture: 'like FILE', or 'LAYER like FILE'",
        ) from None


def _default_layer(model: Adapter) -> str:
    if model.scores is None:
        return model.outputs[0]
    found = before_classifier(model)
    if found is None:
        raise UsageError(
            f"which layer of {model.source.name} is before its classifier was not found",
            f"name it: 'LAYER like FILE'; `viz layers --model {model.source.spec}` lists them",
        )
    return found


def before_classifier(model: Adapter) -> str | None:
    """The layer that the last weights before the class scores take in: their number says how wide it is."""
    assert model.scores is not None, "asked only of classifiers"
    names = list(model.layers)
    end = names.index(model.layer(model.scores.logits or model.scores.probabilities or "").name)
    layers = [model.layers[name] for name in names[: end + 1]]
    classes = model.scores.classes
    heads = [i for i, layer in enumerate(layers) if layer.parameters > classes]  # a bias alone has `classes`
    if not heads:
        return None
    weights = layers[heads[-1]].parameters
    return _of_width(layers[max(0, heads[-1] - _LOOK_BACK) : heads[-1]], classes, weights)


def _of_width(layers: Sequence[Layer], classes: int, weights: int) -> str | None:
    for layer in reversed(layers):
        width = _width(layer)
        if width and weights in (width * classes, width * classes + classes):
            return layer.name
    return None


def _width(layer: Layer) -> int | None:
    """How long a layer's embedding is; None where it is not known."""
    shape = layer.shape or ()
    return (shape[-1] if len(shape) == 3 else shape[1]) if len(shape) > 1 else None
