"""Getting to know a torch model by running noise: its layers, and whether images may share a batch."""

from collections.abc import Mapping

import numpy as np

from viz.adapters.torch_module.batches import (
    Place,
    largest_difference,
    places_by_comparison,
    places_in_batches_of,
    tolerance,
)
from viz.adapters.torch_module.layers import list_layers
from viz.adapters.torch_module.runner import Runner, Table, as_array
from viz.adapters.torch_module.survey import Survey
from viz.core.errors import ModelError, OutOfMemory
from viz.core.result import FloatArray

Values = Mapping[str, FloatArray]


def get_to_know(runner: Runner, apart: bool = False) -> tuple[Table, Survey, list[str]]:
    """The model's table, the trial run that it is from, and notes for the user.

    Images share a batch where three together give what they give one by one; where not, or where they are
    to be kept `apart` as large ones are, they are run as many at a time as the model was made for. Raises as
    `Adapter.run`.
    """
    size = runner.program.batch or 1
    seen = runner.survey(noise(runner, size))
    table = _table(runner, seen, places_in_batches_of(size, seen), size)
    if size > 1:
        return table, seen, [_note(size, "the program was exported so")]
    if apart:
        return table, seen, []
    images = noise(runner, 3)
    try:
        alone = runner.values(table, images, table.outputs)
        opened, together = _together(runner, seen, images)
    except OutOfMemory:
        raise
    except ModelError as problem:
        return table, seen, [_note(1, problem.problem.splitlines()[0])]
    reason = _why_not(_outputs(table, seen), alone, _outputs(opened, together), tolerance(runner.dtype))
    return (table, seen, [_note(1, reason)]) if reason else (opened, together, [])


def noise(runner: Runner, count: int) -> FloatArray:
    """Different random images (count, 3, h, w), the same in every run."""
    return np.random.default_rng(0).random((count, 3, *runner.preprocess.size), np.float32)


def _note(size: int, reason: str) -> str:
    many = "one image" if size == 1 else f"{size} images"
    return f"the model takes {many} at a time and is run so: {reason}"


def _together(runner: Runner, one: Survey, images: FloatArray) -> tuple[Table, Survey]:
    """What several images at once show."""
    seen = runner.survey(images)
    places = places_by_comparison(one, seen)
    strays = runner.mixed(images, places, one)
    return _table(runner, seen, {name: place for name, place in places.items() if name not in strays}, None), seen


def _why_not(first: Values, alone: Values, together: Values, limit: float) -> str:
    """Why images may not share a batch, in words; empty where they may. `first` is the first image once more."""
    again = {name: alone[name][:1] for name in first}
    if largest_difference(first, again) > limit:
        return "the same image gives other values every time, so that something in it is random"
    if alone and not together:
        return "its outputs have no axis for the images"
    worst = largest_difference(alone, together)
    return f"three together differ from three alone by {worst:.2g} of the range" if worst > limit else ""


def _table(runner: Runner, seen: Survey, places: Mapping[str, Place], at_a_time: int | None) -> Table:
    layers = list_layers(seen, places, runner.program.aliases)
    return Table(places, layers, tuple(name for name in seen.outputs if name in layers), at_a_time)


def _outputs(table: Table, seen: Survey) -> Values:
    """What the outputs were in the trial run."""
    return {name: as_array(seen.outputs[name], table.places[name]) for name in table.outputs}
