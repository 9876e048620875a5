"""The photos that a maker is given: files that are decoded when they are asked for."""

import hashlib
from collections.abc import Sequence

from viz.core.discovery import ImageFile
from viz.core.errors import ImageError
from viz.core.making import GivenPhoto
from viz.core.remote_paths import read_bytes
from viz.engine.loading import Loader


class PhotoFiles:
    """`viz.core.making.Photos` over image files. `read` has the hash of every photo that was asked for, by name."""

    def __init__(self, files: Sequence[ImageFile], loader: Loader):
        self._files = files
        self._loader = loader
        self.names: Sequence[str] = [file.name for file in files]
        self._index = {name: index for index, name in enumerate(self.names)}
        self.read: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> GivenPhoto:
        """Decode one photo; raises `ImageError`."""
        file = self._files[index]
        photo = self._loader.photo(file)
        self.read[file.name] = photo.sha256
        return GivenPhoto(file.name, photo, file.truth)

    def attempt(self, index: int) -> GivenPhoto | ImageError:
        """One photo, or why it cannot be used."""
        try:
            return self[index]
        except ImageError as problem:
            return problem

    def still_has(self, name: str, sha256: str) -> bool:
        """Whether the photo of this name is the file that it was."""
        index = self._index.get(name)
        if index is None:
            return False
        try:
            return hashlib.sha256(read_bytes(self._files[index].path)).hexdigest() == sha256
        except OSError:
            return False
