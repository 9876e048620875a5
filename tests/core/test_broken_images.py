"""A file that cannot be used says why, in words, quickly, and never with a traceback."""

import os
import re
import resource
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from viz.core.errors import ExitCode, ImageError
from viz.core.images import png_bytes, read

NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)


def reason(path: Path, **options) -> str:
    with pytest.raises(ImageError) as problem:
        read(path, **options)
    assert problem.value.exit_code == ExitCode.SOME_IMAGES_FAILED
    assert not re.search(r"<_io|0x[0-9a-f]{6}|Traceback|BytesIO", problem.value.problem), problem.value.problem
    return problem.value.problem


def photo_bytes(tmp_path: Path, suffix: str) -> bytes:
    path = tmp_path / f"whole.{suffix}"
    Image.fromarray(NOISE).save(path)
    return path.read_bytes()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def huge_png(width: int, height: int) -> bytes:
    """A valid PNG of one colour: a few hundred kB that decode to width x height bytes."""
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(bytes(width + 1)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "tiff", "gif"])
@pytest.mark.parametrize("part", [0.3, 0.7, 0.95])
def test_a_truncated_image_is_broken(tmp_path: Path, suffix: str, part: float):
    whole = photo_bytes(tmp_path, suffix)
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(whole[: int(len(whole) * part)])
    assert re.match(r"(broken image|damaged \w+): \w", reason(path))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "tiff", "gif"])
def test_an_image_cut_off_in_its_header_is_refused(tmp_path: Path, suffix: str):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(photo_bytes(tmp_path, suffix)[:12])
    assert re.match(r"(broken image|damaged \w+|not an image that can be read)", reason(path))


def test_a_png_with_a_wrong_checksum_is_broken(tmp_path: Path):
    data = bytearray(png_bytes(NOISE))
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "a.png").write_bytes(data)
    assert reason(tmp_path / "a.png").startswith("broken image: ")


def test_an_empty_file_is_called_empty(tmp_path: Path):
    (tmp_path / "a.jpg").touch()
    assert reason(tmp_path / "a.jpg") == "empty file (0 bytes)"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"hello, I am no picture\n", "it looks like text: 'hello, I am no picture"),
        (b"%PDF-1.7\n", "it looks like a PDF"),
        (b"PK\x03\x04rest", "a ZIP archive"),
        (b"<!doctype html><html>", "text such as HTML"),
        (b"<svg xmlns='x'/>", "an SVG drawing"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer: run `git lfs pull`"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "HEIC: convert it to JPEG"),
        (b"\x00\x01\x02\x03 binary", r"it starts with b'\x00\x01\x02\x03"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "it looks like PostScript"),
    ],
)
def test_a_file_that_is_no_image_is_named_for_what_it_is(tmp_path: Path, data: bytes, words: str):
    (tmp_path / "a.png").write_bytes(data)
    assert words in reason(tmp_path / "a.png")


def test_a_folder_called_like_an_image_is_a_folder(tmp_path: Path):
    (tmp_path / "x.jpg").mkdir()
    assert reason(tmp_path / "x.jpg") == "a folder, not a file"


def test_a_dangling_link_and_a_missing_file_cannot_be_read(tmp_path: Path):
    (tmp_path / "x.jpg").symlink_to(tmp_path / "gone.jpg")
    assert reason(tmp_path / "x.jpg") == "cannot be read: No such file or directory"
    assert reason(tmp_path / "y.jpg") == "cannot be read: No such file or directory"


def test_a_link_to_itself_cannot_be_read(tmp_path: Path):
    (tmp_path / "x.jpg").symlink_to(tmp_path / "x.jpg")
    assert "symbolic links" in reason(tmp_path / "x.jpg")


def test_a_pipe_does_not_block_the_run(tmp_path: Path):
    os.mkfifo(tmp_path / "x.jpg")
    # Whoever opens the pipe gets an empty file: this test fails then, and does not wait for ever.
    threading.Thread(target=(tmp_path / "x.jpg").write_bytes, args=(b"",), daemon=True).start()
    assert reason(tmp_path / "x.jpg") == "not a regular file"


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_an_image_without_pixels_is_refused(tmp_path: Path, size: tuple[int, int]):
    header = struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    assert reason(tmp_path / "a.png") == "damaged PNG: its header names no size or colours"


@pytest.mark.parametrize("values", [[0.0, 255.0], [-0.1, 0.5], [0.0, float("nan")]])
def test_floating_point_outside_of_0_to_1_is_not_guessed_at(tmp_path: Path, values: list[float]):
    Image.fromarray(np.array([values], np.float32)).save(tmp_path / "a.tiff")
    assert reason(tmp_path / "a.tiff") == "floating-point pixels outside 0..1"


def test_whole_numbers_beyond_16_bits_are_not_guessed_at(tmp_path: Path):
    Image.fromarray(np.array([[0, 70000]], np.int32)).save(tmp_path / "a.tiff")
    assert reason(tmp_path / "a.tiff") == "32-bit pixels outside 0..65535"


def test_too_many_pixels_are_refused_by_both_figures(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(png_bytes(NOISE))
    assert reason(tmp_path / "a.png", max_pixels=4095) == "64 x 64 is 4,096 pixels, over the limit of 4,095"
    assert read(tmp_path / "a.png", max_pixels=4096).size == (64, 64)


def test_a_file_of_more_bytes_than_its_pixels_could_need_is_not_even_read(tmp_path: Path):
    with (tmp_path / "a.bmp").open("wb") as file:
        file.truncate(1 << 40)  # a terabyte with nothing in it
    assert "more than an image of 178,956,970 pixels can have" in reason(tmp_path / "a.bmp")


def test_a_decompression_bomb_is_refused_without_decoding_it(tmp_path: Path):
    path = tmp_path / "bomb.png"
    path.write_bytes(huge_png(20_000, 20_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert reason(path) == "20000 x 20000 is 400,000,000 pixels, over the limit of 178,956,970"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000, f"{grown} kB more memory for an image of 400,000 kB"


def test_max_pixels_can_be_raised_above_the_decoders_own_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    (tmp_path / "a.png").write_bytes(png_bytes(NOISE))
    assert read(tmp_path / "a.png").size == (64, 64)
    assert Image.MAX_IMAGE_PIXELS == 100  # other users of the decoder in this process keep their limit
