"""What kind of torch file a file is, by its content."""

import struct
import zipfile
from pathlib import Path
from typing import Literal

from viz.core.errors import ModelError

Kind = Literal["exported", "torchscript", "safetensors", "pickle"]

_OLD_EXPORT = "serialized_exported_program.json"


def kind_of(path: Path) -> Kind:
    """Raises `ModelError` where the file is missing, empty or none of torch's."""
    try:
        start = path.open("rb").read(16)
    except OSError as problem:
        raise ModelError(f"{path} cannot be read: {problem.strerror}", "check the path") from None
    if start.startswith(b"PK"):
        return _kind_of_archive(path)
    if start.startswith(b"\x80"):
        return "pickle"
    if start[8:9] == b"{" and struct.unpack("<Q", start[:8])[0] < path.stat().st_size:
        return "safetensors"
    raise ModelError(
        f"{path} is no file of torch: it begins with {start[:8]!r}",
        "viz reads torch.export programs, TorchScript, state dicts (.pt, .pth) and safetensors",
    )


def _kind_of_archive(path: Path) -> Kind:
    try:
        names = zipfile.ZipFile(path).namelist()
    except (OSError, zipfile.BadZipFile) as problem:
        raise ModelError(f"{path} is damaged: {problem}", "copy or download it again") from None
    # Archives of torch hold one folder, of any name, with everything in it; old exports have none.
    inner = {name.partition("/")[2] for name in names}
    if _OLD_EXPORT in names or any(name.startswith("models/") and name.endswith(".json") for name in inner):
        return "exported"
    if "constants.pkl" in inner:
        return "torchscript"
    if "data.pkl" in inner:
        return "pickle"
    raise ModelError(f"{path} is a zip archive that torch did not write", "give the model file that is inside it")
