"""Image files of every kind become the right upright RGB pixels."""

import hashlib
import io
import struct
import threading
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from viz.core.images import png_bytes, read, to_bytes, to_float

WHITE = (255, 255, 255)
RAMP = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)

# Four colours, one to a quarter: top left, top right, bottom left, bottom right.
RED, GREEN, BLUE, GRAY = (220, 30, 30), (30, 200, 30), (30, 30, 220), (128, 128, 128)


def quarters(size: int = 32) -> Image.Image:
    image = Image.new("RGB", (size * 2, size))
    for colour, box in zip(
        (RED, GREEN, BLUE, GRAY), ((0, 0), (size, 0), (0, size // 2), (size, size // 2)), strict=True
    ):
        image.paste(colour, (*box, box[0] + size, box[1] + size // 2))
    return image


def corners(pixels: np.ndarray) -> list[tuple[int, ...]]:
    """Colours a little inside the four corners, in the order of `quarters`, to the nearest of its colours."""
    h, w, _ = pixels.shape
    found = [pixels[y, x].astype(int) for y in (h // 4, 3 * h // 4) for x in (w // 4, 3 * w // 4)]
    return [min((RED, GREEN, BLUE, GRAY), key=lambda c: np.abs(colour - c).max()) for colour in found]


def saved(image: Image.Image, path: Path, **options) -> Path:
    image.save(path, **options)
    return path


def png(width: int, height: int, depth: int, colour: int, rows: list[bytes], *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG file put together by hand, for the kinds that no library here writes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = [(b"IHDR", header), *extra, (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


# Orientation

# What each EXIF orientation shows of a file whose quarters are RED GREEN / BLUE GRAY, and whether it is turned.
UPRIGHT = {
    1: ([RED, GREEN, BLUE, GRAY], False),
    2: ([GREEN, RED, GRAY, BLUE], False),
    3: ([GRAY, BLUE, GREEN, RED], False),
    4: ([BLUE, GRAY, RED, GREEN], False),
    5: ([RED, BLUE, GREEN, GRAY], True),
    6: ([BLUE, RED, GRAY, GREEN], True),
    7: ([GRAY, GREEN, BLUE, RED], True),
    8: ([GREEN, GRAY, RED, BLUE], True),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "alpha.png"])
def test_every_exif_orientation_is_turned_upright(tmp_path: Path, orientation: int, suffix: str):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = quarters().convert("RGBA") if suffix == "alpha.png" else quarters()
    pixels = read(saved(image, tmp_path / f"a.{suffix}", exif=exif)).pixels
    expected, turned = UPRIGHT[orientation]
    assert corners(pixels) == expected
    assert pixels.shape == ((64, 32, 3) if turned else (32, 64, 3))


def test_a_16_bit_image_is_turned_upright(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = Image.fromarray(np.array([[0, 65535]], np.uint16))
    pixels = read(saved(deep, tmp_path / "a.png", exif=exif)).pixels
    assert pixels[:, :, 0].tolist() == [[0], [255]]


@pytest.mark.parametrize("orientation", [0, 9, 200])
def test_an_orientation_that_does_not_exist_is_left_alone(tmp_path: Path, orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert corners(read(saved(quarters(), tmp_path / "a.png", exif=exif)).pixels) == UPRIGHT[1][0]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("rubbish", [b"Exif\0\0rubbish", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0"])
def test_unreadable_exif_does_not_cost_the_image(tmp_path: Path, rubbish: bytes):
    assert corners(read(saved(quarters(), tmp_path / "a.jpg", exif=rubbish)).pixels) == UPRIGHT[1][0]


# Alpha, palettes


@pytest.mark.parametrize(("background", "half"), [(WHITE, (227, 127, 127)), ((0, 0, 255), (100, 0, 127))])
def test_alpha_is_laid_over_the_background(tmp_path: Path, background: tuple[int, int, int], half: tuple[int, ...]):
    image = Image.fromarray(np.array([[[200, 0, 0, 255], [200, 0, 0, 128], [200, 0, 0, 0]]], np.uint8))
    found = read(saved(image, tmp_path / "a.png"), background).pixels[0].astype(int)
    assert found[0].tolist() == [200, 0, 0]
    assert np.abs(found[1] - half).max() <= 1
    assert found[2].tolist() == list(background)


def test_gray_with_alpha_is_laid_over_the_background(tmp_path: Path):
    image = Image.fromarray(np.array([[[100, 255], [100, 0]]], np.uint8), "LA")
    assert read(saved(image, tmp_path / "a.png"), (1, 2, 3)).pixels[0].tolist() == [[100, 100, 100], [1, 2, 3]]


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_a_transparent_palette_colour_is_background(tmp_path: Path, suffix: str):
    image = Image.new("P", (4, 2), 1)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.paste(0, (0, 0, 2, 2))
    found = read(saved(image, tmp_path / f"a.{suffix}", transparency=0), (7, 8, 9)).pixels
    assert found[0].tolist() == [[7, 8, 9]] * 2 + [[200, 100, 50]] * 2


def test_a_half_transparent_palette_is_blended(tmp_path: Path):
    image = Image.new("P", (2, 1), 0)
    image.putpalette([0, 0, 0])
    found = read(saved(image, tmp_path / "a.png", transparency=bytes([51]))).pixels
    assert np.abs(found.astype(int) - 204).max() <= 1


def test_the_transparent_gray_of_a_16_bit_file_is_background(tmp_path: Path):
    path = tmp_path / "a.png"
    path.write_bytes(png(2, 1, 16, 0, [struct.pack(">2H", 25700, 51400)], (b"tRNS", struct.pack(">H", 25700))))
    assert read(path, (9, 8, 7)).pixels[0].tolist() == [[9, 8, 7], [200, 200, 200]]


# Depths


@pytest.mark.parametrize("suffix", ["png", "tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_become_8_within_one_step(tmp_path: Path, suffix: str, channels: int):
    deep = np.random.default_rng(1).integers(0, 65536, (9, 7, 3)).astype(np.uint16)
    deep[0, 0], deep[0, 1] = 0, 65535
    if channels == 1:
        deep = np.repeat(deep[:, :, :1], 3, axis=2)
    opaque = np.full((9, 7, 1), 65535, np.uint16)
    written = {1: deep[:, :, 0], 3: deep[:, :, ::-1], 4: np.concatenate([deep[:, :, ::-1], opaque], axis=2)}[channels]
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), written)
    found = read(tmp_path / f"a.{suffix}").pixels
    assert np.abs(found - deep / 257).max() < 1
    assert found[0, 0].tolist() == [0, 0, 0]
    assert found[0, 1].tolist() == [255, 255, 255]


def test_16_bit_gray_with_alpha_is_read(tmp_path: Path):
    path = tmp_path / "a.png"
    path.write_bytes(png(2, 1, 16, 4, [struct.pack(">4H", 25700, 65535, 25700, 0)]))
    assert read(path).pixels[0].tolist() == [[100, 100, 100], [255, 255, 255]]


def test_one_bit_is_black_and_white(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(png(4, 1, 1, 0, [bytes([0b01100000])]))
    assert read(tmp_path / "a.png").pixels[0, :, 1].tolist() == [0, 255, 255, 0]


def test_floating_point_from_0_to_1_is_scaled(tmp_path: Path):
    image = Image.fromarray(np.array([[0, 0.2, 1]], np.float32))
    assert read(saved(image, tmp_path / "a.tiff")).pixels[0, :, 0].tolist() == [0, 51, 255]


# Colour models


@pytest.mark.parametrize("marker", [True, False])
@pytest.mark.parametrize("colour", [(200, 60, 30), (0, 0, 0), (255, 255, 255), (10, 120, 240)])
def test_a_cmyk_jpeg_has_the_right_colours(tmp_path: Path, colour: tuple[int, int, int], marker: bool):
    path = saved(Image.new("RGB", (16, 16), colour).convert("CMYK"), tmp_path / "a.jpg", quality=95)
    if not marker:  # without Adobe's marker the values are inverted all the same, as browsers take them
        data = path.read_bytes()
        start = data.index(b"\xff\xee")
        length = struct.unpack(">H", data[start + 2 : start + 4])[0]
        path.write_bytes(data[:start] + data[start + 2 + length :])
    assert np.abs(read(path).pixels[8, 8].astype(int) - colour).max() <= 3


def test_a_cmyk_tiff_is_not_inverted(tmp_path: Path):
    image = Image.new("CMYK", (4, 4), (0, 255, 255, 0))
    assert read(saved(image, tmp_path / "a.tiff")).pixels[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGB", "RGBA", "YCbCr", "LAB", "I;16", "F"])
def test_every_mode_becomes_rgb_of_the_same_size(tmp_path: Path, mode: str):
    found = read(saved(Image.new(mode, (5, 3)), tmp_path / "a.tiff")).pixels
    assert (found.shape, found.dtype) == ((3, 5, 3), np.uint8)


# Formats and names


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "ppm", "lossless.webp", "jp2"])
def test_a_lossless_format_gives_the_very_pixels(tmp_path: Path, suffix: str):
    options = {"lossless": True} if suffix == "lossless.webp" else {}
    path = saved(Image.fromarray(RAMP), tmp_path / f"a.{suffix}", **options)
    np.testing.assert_array_equal(read(path).pixels, RAMP)


@pytest.mark.parametrize("suffix", ["jpg", "webp", "avif", "gif"])
def test_a_lossy_format_gives_nearly_the_pixels(tmp_path: Path, suffix: str):
    path = saved(quarters(), tmp_path / f"a.{suffix}")
    assert np.abs(read(path).pixels.astype(int) - np.asarray(quarters())).mean() < 8


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tiff"])
def test_of_an_animation_the_first_frame_is_read(tmp_path: Path, suffix: str):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    path = saved(frames[0], tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    assert np.abs(read(path).pixels[4, 4].astype(int) - RED).max() < 8


@pytest.mark.parametrize(
    "name", ["with space.png", "Ünïcødé 猫 🐈.png", "<img src=x onerror=alert(1)>.png", "no suffix", "wrong.jpg", "-n"]
)
def test_a_file_is_read_whatever_its_name(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(png_bytes(RAMP))
    np.testing.assert_array_equal(read(path).pixels, RAMP)


def test_a_photo_knows_its_size_and_the_hash_of_its_file(tmp_path: Path):
    path = saved(Image.fromarray(RAMP), tmp_path / "a.png")
    photo = read(path)
    assert photo.size == (6, 8)
    assert photo.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_decoding_in_threads_gives_the_same_pixels(tmp_path: Path):
    paths = [saved(Image.new("RGB", (64, 64), (i, 2 * i, 3 * i)), tmp_path / f"{i}.png") for i in range(40)]
    found: dict[int, list[int]] = {}

    def decode(indices: range) -> None:
        for i in indices:
            found[i] = read(paths[i]).pixels[0, 0].tolist()

    threads = [threading.Thread(target=decode, args=(range(start, 40, 4),)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {i: [i, 2 * i, 3 * i] for i in range(40)}


# Pixels back and forth


def test_bytes_to_floats_and_back_is_the_identity():
    np.testing.assert_array_equal(to_bytes(to_float(RAMP)), RAMP)
    assert to_float(RAMP).shape == (3, 6, 8)
    assert (to_float(RAMP).dtype, to_float(RAMP).flags.c_contiguous) == (np.float32, True)


def test_floats_are_rounded_and_clipped_to_bytes():
    values = np.array([-1, 0, 0.499 / 255, 0.501 / 255, 1, 2], np.float32).reshape(1, 1, 6).repeat(3, axis=0)
    assert to_bytes(values)[0, :, 0].tolist() == [0, 0, 0, 1, 255, 255]


@pytest.mark.parametrize("pixels", [RAMP, RAMP[:, :, 0]])
def test_png_bytes_hold_the_pixels_and_are_always_the_same(pixels: np.ndarray):
    assert png_bytes(pixels) == png_bytes(pixels.copy())
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png_bytes(pixels)))), pixels)
