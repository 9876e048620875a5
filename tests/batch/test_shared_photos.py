"""Photos that several runs share: decoded once, within a budget, and never stale."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from viz.core.errors import ImageError
from viz.core.images import read
from viz.engine.shared_photos import SharedPhotos


def picture(path: Path, gray: int, size: tuple[int, int] = (10, 10)) -> Path:
    Image.new("RGB", size, (gray, gray, gray)).save(path)
    return path


def test_a_photo_is_decoded_once_and_is_the_same_as_without_sharing(tmp_path: Path) -> None:
    path, photos = picture(tmp_path / "a.png", 7), SharedPhotos(10_000)
    first, second = photos.read(path), photos.read(path)
    assert (photos.decoded, photos.reused) == (1, 1)
    for shared in (first, second):
        np.testing.assert_array_equal(shared.pixels, read(path).pixels)
        assert shared.sha256 == read(path).sha256


def test_a_file_that_was_replaced_is_decoded_again(tmp_path: Path) -> None:
    photos = SharedPhotos(10_000)
    photos.read(picture(tmp_path / "a.png", 7))
    assert photos.read(picture(tmp_path / "a.png", 200, (11, 11))).pixels[0, 0, 0] == 200


def test_another_background_is_another_photo(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    photos = SharedPhotos(10_000)
    assert photos.read(tmp_path / "clear.png", (255, 0, 0)).pixels[0, 0].tolist() == [255, 0, 0]
    assert photos.read(tmp_path / "clear.png", (0, 0, 255)).pixels[0, 0].tolist() == [0, 0, 255]


def test_a_lower_limit_on_pixels_refuses_a_photo_that_is_already_decoded(tmp_path: Path) -> None:
    path, photos = picture(tmp_path / "a.png", 7), SharedPhotos(10_000)
    photos.read(path)
    with pytest.raises(ImageError, match="over the limit"):
        photos.read(path, max_pixels=99)


def test_what_does_not_fit_into_the_budget_is_decoded_each_time_and_the_rest_stays(tmp_path: Path) -> None:
    paths = [picture(tmp_path / f"{n}.png", n) for n in range(5)]
    photos = SharedPhotos(3 * 10 * 10 * 3)
    for _ in range(2):
        for path in paths:
            photos.read(path)
    assert (photos.decoded, photos.reused) == (5 + 2, 3)


def test_shared_pixels_cannot_be_written_to(tmp_path: Path) -> None:
    photo = SharedPhotos(10_000).read(picture(tmp_path / "a.png", 7))
    with pytest.raises(ValueError, match="read-only"):
        photo.pixels[0, 0, 0] = 1


def test_a_missing_file_is_an_image_error_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="No such file"):
        SharedPhotos(10).read(tmp_path / "gone.png")
