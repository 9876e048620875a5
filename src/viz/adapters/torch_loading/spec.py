"""Which texts name a torch model; needs no torch."""

import re

HUBS = ("torchvision:", "timm:")
FACTORY = re.compile(r"[^\W\d][\w.]*:[^\W\d][\w.]*")

_SUFFIXES = (".pt2", ".pt", ".pth", ".th", ".pth.tar", ".ckpt", ".bin", ".safetensors", ".torchscript")


def is_torch_spec(spec: str) -> bool:
    """Whether `--model` names a torch model, by its form alone: nothing is opened or imported."""
    if spec.startswith(HUBS) or spec.lower().endswith(_SUFFIXES):
        return True
    return bool(FACTORY.fullmatch(spec)) and not spec.startswith("zoo:")
