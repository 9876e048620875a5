"""What an evaluation is asked to do, beside its techniques and metrics."""

from dataclasses import dataclass
from typing import Annotated

from viz.core.options import Opt
from viz.core.run_options import ImageOptions


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions(ImageOptions):
    """Which images count, what is explained, and where the results go."""

    target: Annotated[
        str, Opt("auto: each image's own class where it is known, else top1; or any target, as in other commands.")
    ] = "auto"
    score: Annotated[
        str,
        Opt(
            "logit (before the softmax), probability, or auto: logit where there is one.",
            choices=("auto", "logit", "probability"),
        ),
    ] = "auto"
    include_wrong: Annotated[
        bool, Opt("Also images that the model classifies wrongly; left out where the true class is known.")
    ] = False
    seed: Annotated[int, Opt("Seed of the new weights, the noise baseline and the intervals.", min=0)] = 0
    out: Annotated[
        str | None, Opt("Folder for the results; default: runs/MODEL/evaluate-HASH.", metavar="DIR", short="-o")
    ] = None
