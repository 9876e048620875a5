"""The layer table of a torch model, from what a trial forward showed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from viz.adapters.torch_module.batches import Place
from viz.adapters.torch_module.survey import Reading, Survey, total
from viz.core.adapter import Layer


def list_layers(
    seen: Survey, places: Mapping[str, Place], further_aliases: Mapping[str, tuple[str, ...]]
) -> dict[str, Layer]:
    """Every tensor with a place for its images, in execution order.

    Aliases count from 0: the running index `12`, the op and its running number `ReLU_3`.
    """
    counts: Counter[str] = Counter()
    layers: dict[str, Layer] = {}
    for name, reading in _readings_with_places(seen, places):
        aliases = (str(len(layers)), f"{reading.op}_{counts[reading.op]}", *further_aliases.get(name, ()))
        counts[reading.op] += 1
        layers[name] = Layer(
            name,
            reading.op,
            _shape(reading, places[name]),
            tuple(alias for alias in aliases if alias not in seen.readings),
            parameters=reading.parameters,
            macs=reading.macs,
        )
    return layers


def _readings_with_places(seen: Survey, places: Mapping[str, Place]) -> Iterator[tuple[str, Reading]]:
    """What tensors without images cost (a table of biases, looked up) counts where they are used: next."""
    parameters: int = 0
    macs: int | None = 0
    for name, found in seen.readings.items():
        reading = replace(found, parameters=found.parameters + parameters, macs=total(found.macs, macs))
        parameters, macs = (0, 0) if name in places else (reading.parameters, reading.macs)
        if name in places:
            yield name, reading


def _shape(reading: Reading, place: Place) -> tuple[int | None, ...]:
    """The shape as `run` gives it, None for the batch."""
    if place.axis is None:
        return (None, *reading.shape)
    others: Iterable[int] = (n for axis, n in enumerate(reading.shape) if axis != place.axis)
    return (None, *others) if place.fold == 1 else (None, place.fold, *others)
