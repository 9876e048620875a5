"""Targets that are a class's score, in models that give one score per class."""

import numpy as np

from viz.core.adapter import Adapter, Scores, Squash, per_image, probabilities
from viz.core.errors import UsageError
from viz.core.labels import checked_index
from viz.core.readings import ClassScore
from viz.core.result import FloatArray
from viz.core.target.asked import Asked, Ranking, ScoreKind
from viz.core.target.outputs import no_class_scores
from viz.core.target.weighted import Target, Term


def class_target(model: Adapter, index: int, score: ScoreKind = "auto") -> Target:
    """The score of one class. `auto` reads before the softmax where the model has one."""
    scores = scores_of(model)
    layer, squash, kind = place_of(scores, score)
    reading = ClassScore(layer, checked_index(index, scores.classes), squash)
    return Target((Term(reading),), model.labels.name(index), index, kind)


def ranked_classes(model: Adapter, images: FloatArray) -> tuple[Ranking, FloatArray]:
    """Classes by falling score, (b, classes) indices, and the probabilities (b, classes) in class order."""
    layer, squash, _ = place_of(scores_of(model), "probability")
    values = per_image(model.run(images, [layer])[layer])
    # Rank before squashing: float32 softmax can tie classes that the logits tell apart.
    return np.argsort(-values, axis=1, kind="stable"), probabilities(values, squash)


def class_targets(text: str, asked: Asked) -> list[Target]:
    """`top1`, `label`, a name or an index: one target per image."""

    def ranked(rank: int) -> list[int]:
        order = ranked_classes(asked.model, asked.images)[0] if asked.order is None else asked.order
        return [int(index) for index in order[:, rank - 1]]

    indices = asked.classes(text, scores_of(asked.model).classes, ranked)
    return [class_target(asked.model, index, asked.score) for index in indices]


def scores_of(model: Adapter) -> Scores:
    """Where the model's class scores are; raises `UsageError` naming what it has where it has none."""
    if model.scores is None:
        raise no_class_scores(model)
    return model.scores


def place_of(scores: Scores, wanted: ScoreKind) -> tuple[str, Squash, str]:
    """The tensor to read, what to put its values through, and what that is called: logit or probability."""
    if wanted == "logit" and scores.logits is None:
        raise UsageError("this model shows no score before its softmax", "use --score probability")
    if wanted != "probability" and scores.logits is not None:
        return scores.logits, "none", "logit"
    if scores.logits is not None:
        squash = scores.to_probability if scores.to_probability != "none" else "softmax"
        return scores.logits, squash, "probability"
    assert scores.probabilities is not None, "Scores name logits, probabilities or both"
    return scores.probabilities, "none", "probability"
