"""What a run would do, as values: how much work, how long, how much memory, where to."""

from dataclasses import dataclass
from typing import Any

from viz.cli.patch_forecast import PatchForecast


@dataclass(frozen=True)
class Work:
    """Passes of an image, what one costs, and whether each is there and back."""

    passes: int
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

    @property
    def seconds(self) -> float:
        """For all images, by windows where these are used."""
        return self._seconds(self.patches.seconds if self.patches else None)

    @property
    def seconds_in_whole_passes(self) -> float:
        """The same without windows."""
        return self._seconds(self.patches.seconds_in_whole_passes if self.patches else None)

    def _seconds(self, of_variants: float | None) -> float:
        """`of_variants` is what those of one image take, if they were timed by themselves."""
        assert self.work is not None, "asked for where there is work"
        if of_variants is None or self.patches is None:
            return self.count * self.work.passes * self.work.seconds_per_pass
        others = self.work.passes - self.patches.variants
        return self.count * (others * self.work.seconds_per_pass + of_variants)


def described(forecast: Forecast) -> dict[str, Any]:
    """Plain values, for programs; what is not known is left out."""
    said: dict[str, Any] = {forecast.what: forecast.count, "folder": forecast.folder}
    said |= {"steps": forecast.steps} if forecast.steps else {}
    if (work := forecast.work) is not None:
        said |= {
            "passes": forecast.count * work.passes,
            "passes_per_image": work.passes,
            "batch_size": work.batch_size,
            "seconds": _rounded(forecast.seconds),
            "seconds_in_whole_passes": _rounded(forecast.seconds_in_whole_passes),
            "memory_mb": round(work.memory_mb, 1),
        }
    return said | ({"windows": forecast.patches.described()} if forecast.patches else {})


def _rounded(seconds: float) -> float:
    """To four digits, however short."""
    return float(f"{seconds:.4g}")
