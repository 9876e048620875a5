"""Pictures and arrays of one image, into the run's folder."""

import io

from PIL import Image

from viz.core.images import Pixels, png_bytes
from viz.core.result import Result
from viz.engine.job import Job
from viz.engine.loading import Loaded
from viz.engine.records import PREVIEW_SIDE, needs_preview
from viz.engine.run_folder import Files
from viz.render import further_pictures, picture

ORIGINAL_SIDE = 1024  # longest side of the copy of the photo that the report page shows


def save(folder: Files, item: Loaded, result: Result, job: Job) -> None:
    """Write `<key>.png` (what a person looks at), `<key>.npz` (raw values) and the photo for the page."""
    assert item.box is not None, "a loaded image has the box that the model saw"
    photo = item.photo or job.loader.photo(item.file)
    key = item.file.key
    shown = picture(result, photo, item.box)
    folder.write(f"{key}.png", png_bytes(shown))
    if needs_preview(item):
        folder.write(f"previews/{key}.jpg", small_jpeg(shown, PREVIEW_SIDE))
    for name, extra in further_pictures(result, job.model.labels).items():
        folder.write(f"{key}.{name}.png", png_bytes(extra, noisy=name == "gradient"))
    folder.write_arrays(f"{key}.npz", result.arrays)
    folder.write(f"originals/{key}.jpg", small_jpeg(photo.pixels, ORIGINAL_SIDE))


def small_jpeg(pixels: Pixels, side: int) -> bytes:
    """A copy whose longest side is at most `side` pixels, as a JPEG file's bytes."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
