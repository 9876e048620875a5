"""What a metric of heat maps is, and the list of those there are. One metric = one file = one column."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Any, ClassVar, Protocol, TypeVar, dataclass_transform

from viz.core.adapter import Adapter
from viz.core.errors import UnknownName
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import Technique, declared, import_modules_below
from viz.core.technique_listing import command_name, summary_of
from viz.core.true_regions import TrueRegion

T = TypeVar("T")


@dataclass(frozen=True)
class Explained:
    """A batch of images with the maps that one technique made of them: what a metric judges.

    Attributes:
        model: the model that was explained.
        technique: what made the maps; a metric may run it again.
        images: (b, 3, h, w), RGB float32 in [0, 1].
        targets: what each image was explained for.
        maps: one per image; `heats` has them as one array.
        regions: where each image's object is, None where that is not known.
        randomized: the model with the last `part` of its layers drawn anew, made once per part.
        of_images: what metrics have worked out about these images alone, for whichever technique comes next.
        of_maps: what metrics have worked out about these maps, for the other metrics.
    """

    model: Adapter
    technique: Technique
    images: FloatArray
    targets: Sequence[Target]
    maps: Sequence[HeatMap]
    regions: Sequence[TrueRegion | None]
    randomized: Callable[[float], Adapter]
    of_images: dict[Any, Any] = field(default_factory=dict)
    of_maps: dict[Any, Any] = field(default_factory=dict)

    @property
    def heats(self) -> list[FloatArray]:
        """The maps' values, each (h, w)."""
        return [one.heat for one in self.maps]


def once(known: dict[Any, Any], key: Any, make: Callable[[], T]) -> T:
    """What is known under `key`, made where it is not there yet."""
    if key not in known:
        known[key] = make()
    found: T = known[key]
    return found


@dataclass(frozen=True)
class Measured:
    """One number per image, (b,), NaN where the metric has no meaning for one; and further numbers by name."""

    values: FloatArray
    details: dict[str, FloatArray] = field(default_factory=dict)


class Metric(Protocol):
    """A frozen dataclass whose fields are its options and whose call is the measurement."""

    info: ClassVar["MetricInfo"]

    def __call__(self, explained: Explained) -> Measured:
        """Measure a batch of maps."""
        ...

    def passes(self, per_map: int) -> int:
        """Forward passes per image, for a technique that takes `per_map` of them; for estimates."""
        ...


@dataclass(frozen=True)
class MetricInfo:
    """What the registry knows of a metric.

    Attributes:
        name: in kebab case, as in `--metrics`.
        higher_is_better: the direction of good.
        needs_truth: only images with a known region have a value.
        against_edges: an edge detector's figure means something, so that maps can be held against it.
        source: paper and equation.
    """

    name: str
    summary: str
    source: str
    higher_is_better: bool
    needs_truth: bool
    against_edges: bool


_registry: dict[str, type[Any]] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def metric(
    *, source: str, higher_is_better: bool, needs_truth: bool = False, against_edges: bool = True, name: str = ""
) -> Callable[[type[Any]], type[Any]]:
    """Turn a class into a metric: frozen, checked, registered under `name`, or its own name in kebab case."""

    def register(cls: type[Any]) -> type[Any]:
        frozen: type[Any] = declared(cls)
        frozen.info = MetricInfo(
            name or command_name(cls.__name__),
            summary_of(cls.__doc__ or ""),
            source,
            higher_is_better,
            needs_truth,
            against_edges,
        )
        _registry[frozen.info.name] = frozen
        return frozen

    return register


@cache
def metrics() -> dict[str, type[Any]]:
    """Every metric by name: the built-in ones, then those of installed packages."""
    import_modules_below("viz.techniques.metrics")
    for entry in entry_points(group="viz.metrics"):
        entry.load()
    return dict(sorted(_registry.items()))


def find_metric(name: str) -> type[Any]:
    """The metric called `name`; raises `UnknownName` with the nearest ones."""
    try:
        return metrics()[name]
    except KeyError:
        raise UnknownName("metric", name, metrics(), "`viz evaluate --help` lists all metrics") from None
