"""How a detector writes its boxes: one tensor with places and scores side by side, or two tensors."""

from collections.abc import Sequence
from dataclasses import dataclass

from viz.core.adapter import Adapter
from viz.core.errors import UsageError
from viz.core.target.box_format import BoxFormat
from viz.core.target.outputs import no_class_scores, outputs_in_words, shape_of


@dataclass(frozen=True)
class BoxOutputs:
    """Where a detector's boxes and their scores are.

    Attributes:
        scores, boxes: names of the tensors; one and the same where they lie side by side.
        classes: how many there are.
        first_class: the channel of class 0.
        objectness: the channel that says whether there is anything at all; None where there is none.
        boxes_last: the tensors are (b, channels, boxes) rather than (b, boxes, channels).
    """

    scores: str
    boxes: str
    classes: int
    first_class: int = 0
    objectness: int | None = None
    boxes_last: bool = False

    @property
    def joined(self) -> bool:
        """Whether places and scores are in one tensor."""
        return self.scores == self.boxes


def box_outputs(model: Adapter, layer: str | None = None, given: BoxFormat | None = None) -> BoxOutputs:
    """A detector's outputs as they can be told from their shapes and the number of labels.

    (b, n, 5 + classes): left to right four numbers of the box, objectness, class scores, as YOLO writes them
    before version 8; (b, 4 + classes, n): without objectness, as since; (b, n, classes) and (b, n, 4): scores
    and boxes apart. `layer` names the one tensor, or that of the scores. Raises `UsageError` naming the outputs
    where none is like this, or where the labels are for another number of classes.
    """
    names = [model.layer(layer).name] if layer else list(model.outputs)
    shapes = {name: shape_of(model, name) for name in [*names, *model.outputs]}
    tables = [name for name in names if len(shapes[name]) == 2]
    places = [name for name in model.outputs if len(shapes[name]) == 2 and shapes[name][1] == 4]
    for scores in tables:
        boxes = next((one for one in places if one != scores and shapes[one][0] == shapes[scores][0]), None)
        if boxes and not _is_place(scores, boxes, shapes[scores]):
            return _checked(model, BoxOutputs(scores, boxes, shapes[scores][1]))
    for name in tables:
        if min(shapes[name]) > 4:
            return _joined(model, name, shapes[name], given or BoxFormat())
    raise _no_boxes(model, layer)


def _is_place(scores: str, boxes: str, shape: Sequence[int]) -> bool:
    """Of two tensors (n, 4), the one that is called after boxes holds them."""
    return shape[1] == 4 and "box" in scores.lower() and "box" not in boxes.lower()


def _joined(model: Adapter, name: str, shape: Sequence[int], given: BoxFormat) -> BoxOutputs:
    labels = len(model.labels.names)
    fitting = [side for side in shape if labels and side in (4 + labels, 5 + labels)]
    channels = fitting[0] if len(fitting) == 1 else min(shape)
    boxes_last = channels == shape[0] and shape[0] != shape[1]
    has_objectness = given.objectness
    if has_objectness is None:
        has_objectness = channels == 5 + labels if fitting else not boxes_last
    first = 4 + has_objectness
    return _checked(model, BoxOutputs(name, name, channels - first, first, 4 if has_objectness else None, boxes_last))


def _checked(model: Adapter, found: BoxOutputs) -> BoxOutputs:
    names = len(model.labels.names)
    if found.classes < 1 or names not in (0, found.classes):
        objectness = ", one of objectness" if found.objectness else ""
        parts = f"four numbers of the box{objectness} and " if found.joined else ""
        raise UsageError(
            f"{found.scores} gives {parts}{found.classes} class scores for each box, and there are {names} labels",
            "give --labels with one name for every class, background included; 'as objectness' or 'as no-objectness' "
            "says whether the fifth number is one",
        )
    return found


def _no_boxes(model: Adapter, layer: str | None) -> UsageError:
    if layer:
        return UsageError(f"{layer} is {shape_of(model, layer)} per image, which is no table of boxes")
    if model.scores is None:
        return no_class_scores(model, "boxes, (b, n, 4 + classes) or (b, n, 4) beside (b, n, classes)")
    return UsageError(f"{model.source.name} gives no boxes; {outputs_in_words(model)}", "leave `box` out")
