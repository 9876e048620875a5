"""Whether a copy of a model, opened on another machine, computes what the one here does, to the last bit."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from viz.core.adapter import Adapter
from viz.core.errors import ModelError

_PACKAGES = ("onnx-viz", "numpy", "pillow", "opencv-python")  # the runtime's own version is in the model's source
_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Facts = dict[str, Any]


def facts_of(model: Adapter, variables: Mapping[str, str] | None = None) -> Facts:
    """What results follow from besides the images and the technique, in plain values and people's words.

    `variables` are those that numpy has read, where they have been changed since.
    """
    threads = int((variables or thread_variables())["OMP_NUM_THREADS"])
    preprocess = model.preprocess.as_dict()
    del preprocess["origin"]
    return {
        "file (sha256)": model.source.sha256,
        "runtime": model.source.runtime,
        "device": model.source.device.partition(":")[0],
        "details": dict(model.source.details),
        "class scores": asdict(model.scores) if model.scores else None,
        "preprocessing": preprocess,
        "class names": tuple(model.labels.names),
        "packages": {name: _version(name) for name in _PACKAGES},
        "threads of numpy": min(threads, _cores()),
    }


def check_same(here: Facts, there: Facts, host: str) -> None:
    """Raise `ModelError` naming what is different on `host`."""
    for name, value in here.items():
        if there[name] != value:
            advice = {
                "file (sha256)": "give the file a path that all machines share",
                "threads of numpy": "machines with fewer cores sum in another order: OMP_NUM_THREADS=1 viz … is the "
                "same everywhere",
            }
            raise ModelError(
                f"the model on {host} is not the one here: its {name} is {_short(there[name])}, and here "
                f"{_short(value)}",
                advice.get(name, "install the same versions and set the same options on all machines"),
            )


def thread_variables() -> dict[str, str]:
    """What numpy's products take their threads from; how many there are decides in which order they sum."""
    given = {name: os.environ[name] for name in _VARIABLES if os.environ.get(name, "").isdecimal()}
    return {"OMP_NUM_THREADS": str(_cores()), **given}


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 100 else text[:100] + "…"
