"""Photos that several runs share, decoded once."""

from pathlib import Path
from threading import Lock

from viz.core.images import MAX_PIXELS, Photo, read
from viz.core.remote_paths import is_remote_path, remote_state

_Key = tuple[str, str, tuple[int, int, int], int]


class SharedPhotos:
    """Keeps decoded photos, up to `budget` bytes, for the next run over the same files; threads may share it.

    Nothing is pushed out once the budget is spent: runs go over their files in the same order, so a cache
    that makes room would drop every photo just before it is wanted again. `decoded` and `reused` count.
    """

    def __init__(self, budget: int):
        self._left = budget
        self._photos: dict[_Key, Photo] = {}
        self._lock = Lock()
        self.decoded = self.reused = 0

    def read(
        self, path: Path, background: tuple[int, int, int] = (255, 255, 255), max_pixels: int = MAX_PIXELS
    ) -> Photo:
        """As `images.read`; a file that has changed since is decoded again."""
        key = _key(path, background, max_pixels)
        with self._lock:
            photo = self._photos.get(key) if key else None
            self.reused += photo is not None
        return self._decoded(key, path, background, max_pixels) if photo is None else photo

    def _decoded(self, key: _Key | None, path: Path, background: tuple[int, int, int], max_pixels: int) -> Photo:
        photo = read(path, background, max_pixels)
        with self._lock:
            self.decoded += 1
            if key is not None and photo.pixels.nbytes <= self._left:
                self._left -= photo.pixels.nbytes
                photo.pixels.flags.writeable = False  # another run will see the same pixels
                self._photos[key] = photo
        return photo


def _key(path: Path, background: tuple[int, int, int], max_pixels: int) -> _Key | None:
    """What a decoded photo depends on; None for a file that cannot be looked at, for `read` to explain."""
    state = remote_state(path) if is_remote_path(path) else _local_state(path)
    return (str(path.absolute()), state, background, max_pixels) if state else None


def _local_state(path: Path) -> str:
    try:
        state = path.stat()
    except OSError:
        return ""
    return f"{state.st_size} {state.st_mtime_ns}"
