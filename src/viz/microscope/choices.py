"""What a microscope looks at where nobody says: which layers, and which units an image is made for."""

from collections.abc import Mapping, Sequence
from typing import Any

from viz.core.adapter import Adapter
from viz.core.errors import UsageError
from viz.report.microscope.survey_folder import SurveyFolder
from viz.techniques._spatial_layers import grids


def weighted_layers(model: Adapter) -> tuple[str, ...]:
    """The layers with positions whose channels weights make, or weights read (sums, joins), in order.

    Each is taken after its normalization and activation, before any pooling. Empty where the model shows no weights.
    """
    kernels = model.kernels()
    wanted = {*kernels, *(model.kernel(name).source for name in kernels)}
    sizes: dict[str, tuple[int, int]] = {}
    last: dict[str, str] = {}
    for grid in grids(model):
        origin = model.channels_of(grid.layer.name)
        if origin in wanted and sizes.setdefault(origin, grid.size) == grid.size:
            last[origin] = grid.layer.name
    return tuple(name for name in model.layers if name in set(last.values()))


def units_to_make(survey: SurveyFolder, each: int) -> list[str]:
    """The units, `LAYER:CHANNEL`, that images are made for: `each` of every layer, as `worth_making` chooses."""
    return [name for _, records in survey.layers() for name in worth_making(records, each)]


def worth_making(records: Sequence[Mapping[str, Any]], count: int) -> list[str]:
    """Of the units of one layer (lines of results.jsonl), `count` to make images for: the most selective ones.

    By channel where no true classes are known. Dead units are left out.
    """
    alive = [record for record in records if "dead" not in record["flags"]]
    order = sorted(alive, key=lambda record: (-(record["numbers"].get("selectivity") or 0.0), record["channel"]))
    return [record["name"] for record in order[:count]]


def of_this_model(run: Mapping[str, Any], model: Adapter) -> None:
    """Raise `UsageError` where a run (its run.json) is of another model."""
    had, has = run["model"], model.source
    if (had["sha256"] or had["spec"]) != (has.sha256 or has.spec):
        raise UsageError(
            f"the run is of {had['name']} ({had['spec']}), and --model is another one ({has.spec})",
            f"--model {had['spec']}",
        )
