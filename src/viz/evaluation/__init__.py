"""How good are the maps? Techniques x metrics over a folder of images, beside baselines that need no model."""

from viz.evaluation.evaluating import evaluate
from viz.evaluation.options import EvaluationOptions
from viz.evaluation.outcome import Evaluation

__all__ = ["Evaluation", "EvaluationOptions", "evaluate"]
