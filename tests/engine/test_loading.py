"""Images for the model: the same values whether the photo is kept, shared between runs, or never made an array."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from viz.core.discovery import ImageFile
from viz.core.images import fit, read
from viz.core.preprocess import Preprocess
from viz.engine.loading import Loaded, Loader
from viz.engine.shared_photos import SharedPhotos
from viz.engine.surveys import loaded_with_fingerprint

BACKGROUND, MOST = (10, 200, 90), 10_000_000
CENTRE = Preprocess((48, 40), "center", 56)
NOISE = np.random.default_rng(3).integers(0, 256, (90, 131, 4)).astype(np.uint8)

PICTURES = {
    "rgb.png": Image.fromarray(NOISE[..., :3]),
    "rgba.png": Image.fromarray(NOISE),
    "gray.jpg": Image.fromarray(NOISE[..., 0]),
    "gray-alpha.png": Image.fromarray(NOISE[..., :2], "LA"),
    "cmyk.jpg": Image.fromarray(NOISE, "CMYK"),
    "palette.gif": Image.fromarray(NOISE[..., :3]).quantize(32),
    "deep.png": Image.fromarray(NOISE[..., 0].astype(np.uint16) * 257),
    "bits.png": Image.fromarray(NOISE[..., 0] > 128),
}


def stored(name: str, folder: Path, orientation: int = 1) -> ImageFile:
    exif = Image.Exif()
    exif[0x0112] = orientation
    PICTURES[name].save(folder / name, exif=exif)
    return ImageFile(folder / name, name)


def loader(**options) -> Loader:
    return Loader(CENTRE, BACKGROUND, MOST, **options)


def assert_same(one: Loaded, other: Loaded) -> None:
    assert one.pixels is not None and other.pixels is not None
    assert (one.sha256, one.box, one.size, one.failure) == (other.sha256, other.box, other.size, other.failure)
    assert one.pixels.tobytes() == other.pixels.tobytes()


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("name", PICTURES)
def test_what_the_model_sees_does_not_depend_on_how_the_photo_is_kept(name: str, orientation: int, tmp_path: Path):
    file = stored(name, tmp_path, orientation)
    photo = read(file.path, BACKGROUND, MOST)
    seen = loader().load(file, None)
    assert seen.pixels is not None and seen.photo is not None
    assert seen.pixels.tobytes() == fit(photo, CENTRE).pixels.tobytes()
    np.testing.assert_array_equal(seen.photo.pixels, photo.pixels)
    assert_same(seen, loader(decode=SharedPhotos(MOST).read).load(file, None))
    assert_same(seen, loader().load(file, None, drawn=False))


def test_a_survey_keeps_no_photos(tmp_path: Path):
    for one in (loader(), loader(decode=SharedPhotos(MOST).read)):
        loaded, fingerprint = loaded_with_fingerprint(one, stored("rgb.png", tmp_path))
        assert loaded.photo is None and fingerprint > 0


def test_a_large_photo_is_not_kept_for_drawing(tmp_path: Path):
    Image.new("RGB", (4001, 1000)).save(tmp_path / "large.png")
    Image.new("RGB", (4000, 1000)).save(tmp_path / "small.png")
    kept = {name: loader().load(ImageFile(tmp_path / name, name), None).photo for name in ("large.png", "small.png")}
    assert kept["large.png"] is None
    assert kept["small.png"] is not None


def test_what_is_no_image_is_a_failure_with_its_reason(tmp_path: Path):
    (tmp_path / "text.png").write_text("hello")
    loaded, fingerprint = loaded_with_fingerprint(loader(), ImageFile(tmp_path / "text.png", "text.png"))
    assert (loaded.pixels, fingerprint) == (None, 0)
    assert loaded.failure is not None and "it looks like text" in str(loaded.failure)
