"""Zennit-CRP's feature visualization (Achtibat et al. 2023) over photos, for `benchmarks/patches.py`."""

import contextlib
import importlib
import importlib.util
import io
import sys
import tempfile
import types
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from viz.core.adapter import Adapter
from viz.core.discovery import ImageFile
from viz.core.images import fit, read

_NAMED = {
    "torchvision": (),
    "torchvision.models": (),
    "torchvision.models.resnet": ("Bottleneck", "BasicBlock"),
    "torchvision.transforms": (),
    "torchvision.transforms.functional": ("gaussian_blur",),
}


def missing() -> str:
    """Why the peer cannot be used; empty where it can."""
    here = importlib.util.find_spec("torchvision") is not None
    with contextlib.nullcontext() if here else _stand_in_for_torchvision():
        try:
            importlib.import_module("crp.visualization")
        except ImportError as problem:
            return str(problem)
    return ""


@contextlib.contextmanager
def _stand_in_for_torchvision():
    """It names some classes of torchvision, none of which is used here."""
    for name, members in _NAMED.items():
        sys.modules[name] = types.ModuleType(name)
        for member in members:
            setattr(sys.modules[name], member, type(member, (), {}))
    try:
        yield
    finally:
        for name in _NAMED:
            del sys.modules[name]


def feature_visualization(
    network: torch.nn.Module,
    layers: Sequence[str],
    files: Sequence[ImageFile],
    model: Adapter,
    scratch: Path,
    rules: bool = True,
) -> Callable[[], None]:
    """A run over all files, decoded and resized as viz does; its results go to new folders in `scratch`.

    The relevance that it computes as well is by its usual rules, or by the gradient.
    """
    from crp.attribution import CondAttribution
    from crp.concepts import ChannelConcept
    from crp.visualization import FeatureVisualization
    from zennit.canonizers import SequentialMergeBatchNorm
    from zennit.composites import EpsilonPlusFlat

    class Photos:
        def __len__(self) -> int:
            return len(files)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            pixels = fit(read(files[index].path), model.preprocess).pixels
            return torch.from_numpy(model.preprocess.encode(pixels[None])[0]), 0

    def run() -> None:
        concepts = {layer: ChannelConcept() for layer in layers}
        folder = tempfile.mkdtemp(dir=scratch)
        found = FeatureVisualization(CondAttribution(network), Photos(), concepts, path=folder)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            composite = EpsilonPlusFlat(canonizers=[SequentialMergeBatchNorm()]) if rules else None
            found.run(composite, 0, len(files))

    return run
