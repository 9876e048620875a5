"""Getting to know a torch model by running noise: its layers, and whether images may share a batch."""

from collections.abc import Mapping

import numpy as np

from viz.adapters.torch_batches import (
    Place,
    largest_difference,
    places_by_comparison,
    places_in_batches_of,
    tolerance,
)
from viz.adapters.torch_layers import list_layers
from viz.adapters.torch_runner import Runner, Table, as_array
from viz.adapters.torch_survey import Survey
from viz.core.errors import ModelError, OutOfMemory
from viz.core.result import FloatArray


def get_to_know(runner: Runner) -> tuple[Table, list[str]]:
    """The model's table, and notes for the user.

    Images share a batch where three together give what they give one by one; where not, they are run
    as many at a time as the model was made for. Raises as `Adapter.run`.
    """
    size = runner.program.batch or 1
    seen = runner.survey(noise(runner, size))
    table = _table(runner, seen, places_in_batches_of(size, seen), size)
    if size > 1:
        return table, [_note(size, "the program was exported so")]
    opened, reason = _opened(runner, table)
    return (table, [_note(1, reason)]) if opened is None else (opened, [])


def noise(runner: Runner, count: int) -> FloatArray:
    """Different random images (count, 3, h, w), the same in every run."""
    return np.random.default_rng(0).random((count, 3, *runner.preprocess.size), np.float32)


def _note(size: int, reason: str) -> str:
    many = "one image" if size == 1 else f"{size} images"
    return f"the model takes {many} at a time and is run so: {reason}"


def _opened(runner: Runner, one: Table) -> tuple[Table | None, str]:
    """A table for any number of images; None and the reason in words where there is no such thing."""
    images = noise(runner, 3)
    try:
        alone = runner.values(one, images, one.outputs)
        opened = _together(runner, one, images)
    except OutOfMemory:
        raise
    except ModelError as problem:
        return None, problem.problem.splitlines()[0]
    first = {name: values[:1] for name, values in alone.items()}
    if largest_difference(first, _outputs(one)) > tolerance(runner.dtype):
        return None, "the same image gives other values every time, so that something in it is random"
    if one.outputs and not opened.outputs:
        return None, "its outputs have no axis for the images"
    worst = largest_difference(alone, _outputs(opened))
    if worst > tolerance(runner.dtype):
        return None, f"three together differ from three alone by {worst:.2g} of the range"
    return opened, ""


def _together(runner: Runner, one: Table, images: FloatArray) -> Table:
    seen = runner.survey(images)
    places = places_by_comparison(one.seen, seen)
    strays = runner.mixed(images, places, one.seen)
    return _table(runner, seen, {name: place for name, place in places.items() if name not in strays}, None)


def _table(runner: Runner, seen: Survey, places: Mapping[str, Place], at_a_time: int | None) -> Table:
    layers = list_layers(seen, places, runner.program.aliases)
    return Table(seen, places, layers, tuple(name for name in seen.outputs if name in layers), at_a_time)


def _outputs(table: Table) -> dict[str, FloatArray]:
    """What the outputs were in the trial run."""
    return {name: as_array(table.seen.outputs[name], table.places[name]) for name in table.outputs}
