"""What a copy of a model takes of a machine, so that it computes as the one here does."""

import sys
from dataclasses import dataclass, replace
from typing import Any

from viz.core.adapter import Adapter
from viz.core.model_options import ModelOptions
from viz.engine.ray.same_model import thread_variables


@dataclass(frozen=True)
class Needs:
    """CPU cores and GPUs of one worker, and how many threads torch has there.

    How many threads there are decides which images share a batch and in which order numbers are summed: so a
    worker has as many as this process.
    """

    cpus: int
    gpus: int
    torch_threads: int
    variables: dict[str, str]

    @property
    def words(self) -> str:
        """For people."""
        return f"{self.cpus} CPU core(s)" + (f" and {self.gpus} GPU" if self.gpus else "")


def needs_of(model: Adapter, needs_gradient: bool) -> Needs:
    """What a worker with this model takes."""
    import torch

    threads, variables = torch.get_num_threads(), thread_variables()
    if model.source.device.startswith("cuda"):
        return Needs(1, 1, threads, variables)
    on_torch = needs_gradient or not _on_onnxruntime(model)
    return Needs(max(model.parallel, threads if on_torch else 1), 0, threads, variables)


def options_there(model: Adapter, options: ModelOptions) -> ModelOptions:
    """A model's options for a worker: nothing is left to be found out there that was found out here."""
    if options.provider is None:
        options = replace(options, device=model.source.device.partition(":")[0])
    if _on_onnxruntime(model) and model.source.device == "cpu":
        options = replace(options, threads=model.parallel)
    return options


def set_torch_threads(count: int) -> None:
    """Give torch so many threads, now or once it is imported."""
    import os

    os.environ["OMP_NUM_THREADS"] = str(count)  # numpy has read it before
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(count)


def _on_onnxruntime(model: Adapter) -> bool:
    return model.source.runtime.startswith("onnxruntime")
