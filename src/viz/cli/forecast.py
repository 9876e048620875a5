"""What a run would do, as values: how much work, how long, how much memory, where to."""

from dataclasses import dataclass
from typing import Any

from viz.cli.patch_forecast import PatchForecast


@dataclass(frozen=True)
class Work:
    """Passes of an image, what they cost, and whether each is there and back; `equal` is their cost in whole passes."""

    passes: int
    equal: float
    batch_size: int
    seconds_per_pass: float
    memory_mb: float
    gradient: bool


@dataclass(frozen=True)
class Forecast:
    """What a run would do: of how many images or pictures, where to, and where that is known, the work and its time."""

    what: str
    count: int
    folder: str
    steps: int = 0
    work: Work | None = None
    patches: PatchForecast | None = None


def described(forecast: Forecast) -> dict[str, Any]:
    """Plain values, for programs; what is not known is left out."""
    said: dict[str, Any] = {forecast.what: forecast.count, "folder": forecast.folder}
    said |= {"steps": forecast.steps} if forecast.steps else {}
    if (work := forecast.work) is not None:
        said |= {
            "passes": forecast.count * work.passes,
            "passes_per_image": work.passes,
            "batch_size": work.batch_size,
            "seconds_in_whole_passes": _rounded(forecast.count * work.passes * work.seconds_per_pass),
            "seconds_at_best": _rounded(forecast.count * work.equal * work.seconds_per_pass),
            "memory_mb": round(work.memory_mb, 1),
        }
    return said | ({"windows": forecast.patches.described()} if forecast.patches else {})


def _rounded(seconds: float) -> float:
    """To four digits, however short."""
    return float(f"{seconds:.4g}")
