"""What a model's outputs look like, and what can be asked of a model that does not score classes."""

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import UsageError

Shape = tuple[int, ...]


def shape_of(model: Adapter, layer: str) -> Shape:
    """A layer's shape for one image, without the batch axis; a grey image is run where the model does not say."""
    shape = known_shape(model, layer)
    if shape is None:
        grey = np.full((1, 3, *model.size), 0.5, np.float32)
        shape = model.run(grey, [layer])[layer].shape[1:]
    return shape


def known_shape(model: Adapter, layer: str) -> Shape | None:
    """As `shape_of`, without running the model; None where the model does not say."""
    found = model.layers.get(layer)
    shape = found.shape[1:] if found and found.shape else (None,)
    known = tuple(side for side in shape if side is not None)
    return known if len(known) == len(shape) else None


def outputs_in_words(model: Adapter) -> str:
    """`the model has 2 outputs: scores (b, 4420, 2), boxes (b, 4420, 4)`."""
    described = [f"{name} {_in_words(known_shape(model, name))}" for name in model.outputs]
    return f"the model has {len(described)} output{'s' * (len(described) != 1)}: {', '.join(described)}"


def _in_words(shape: Shape | None) -> str:
    return "of a shape that only shows in a run" if shape is None else f"({', '.join(map(str, ('b', *shape)))})"


def no_class_scores(model: Adapter, wanted: str = "class scores") -> UsageError:
    """The error for asking for a class where there are no scores (b, classes); names the targets that do work."""
    return UsageError(
        f"{model.source.name} has no output of {wanted}; {outputs_in_words(model)}",
        f"targets that it has: {', '.join(working_targets(model))}; "
        f"`viz layers --model {model.source.spec}` lists its layers",
    )


def nothing_to_rank(model: Adapter) -> UsageError:
    """The error for asking which classes a model sees, where it scores none; names what can be explained."""
    return UsageError(
        f"{model.source.name} has no output of class scores, so there is nothing to rank; {outputs_in_words(model)}",
        f"techniques explain its other numbers: viz occlusion --target T, T one of {', '.join(working_targets(model))}",
    )


def working_targets(model: Adapter) -> list[str]:
    """Forms of `--target` that suit a model without class scores, those for its outputs first."""
    shapes = [known_shape(model, name) or () for name in model.outputs]
    dense = ["'CLASS in mask'", "'CLASS in X0,Y0,X1,Y1'", "CLASS@Y,X"] if any(len(s) == 3 for s in shapes) else []
    boxes = ["'box top1'", "'box CLASS near X0,Y0,X1,Y1'"] if any(len(s) == 2 for s in shapes) else []
    return [*dense, *boxes, "LAYER:CHANNEL", "LAYER:norm", "'like FILE'"]
