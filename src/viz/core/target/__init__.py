"""Targets: the one number per image that is explained or driven up, from what the user types.

`weighted` is what a target is; `text` is the grammar; the others turn one kind of reading each into targets.
"""

from viz.core.target.asked import Found, Ranking, ScoreKind
from viz.core.target.classes import class_target, ranked_classes
from viz.core.target.neurons import neuron_target, norm_target
from viz.core.target.text import check_target, references, targets_for, targets_or_problems
from viz.core.target.weighted import Target, Term

__all__ = [
    "Found",
    "Ranking",
    "ScoreKind",
    "Target",
    "Term",
    "check_target",
    "class_target",
    "neuron_target",
    "norm_target",
    "ranked_classes",
    "references",
    "targets_for",
    "targets_or_problems",
]
