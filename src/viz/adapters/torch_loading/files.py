"""Torch models by what `--model` says. This file imports no torch, so that asking costs nothing."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from viz.adapters.torch_loading.spec import is_torch_spec
from viz.core.model_options import ModelOptions

if TYPE_CHECKING:
    from torch import nn

    from viz.adapters.torch_module.adapter import TorchAdapter

__all__ = ["from_module", "is_torch_spec", "load_torch"]


def load_torch(spec: str, options: ModelOptions, zoo: Mapping[str, Any] | None = None) -> "TorchAdapter":
    """The model that `spec` names, ready to run.

    `spec` is `package.module:factory`, `torchvision:NAME`, `timm:NAME`, or a file: a torch.export
    program, TorchScript, a state dict or safetensors with `options.arch`. `zoo` may hold `preprocess`
    and `labels`, which every other source overrides.
    Raises `ModelError`, `UsageError` or `UnknownName` with what to do.
    """
    from viz.adapters.torch_loading.open import open_spec

    return open_spec(spec, options, zoo or {})


def from_module(module: "nn.Module", options: ModelOptions | None = None, name: str = "") -> "TorchAdapter":
    """An adapter for a module at hand, which stays on its device unless `options.device` names one."""
    from viz.adapters.torch_loading.open import open_module

    return open_module(module, options or ModelOptions(), name)
