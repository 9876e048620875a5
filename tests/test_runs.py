"""A run over a folder: resumed byte for byte, broken images recorded, nothing mixed up, nothing lost."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fakes import LinearModel
from viz.core.errors import ExitCode, ImageError, ModelError, NoImages, UsageError
from viz.core.run_options import RunOptions
from viz.engine.run_folder import RunFolder
from viz.model_zoo.shape_pictures import draw
from viz.runs import Listener, run
from viz.techniques.attribution.occlusion import Occlusion

TECHNIQUE = Occlusion(patch=4, stride=4)


def model(seed=0):
    return LinearModel(np.random.default_rng(seed).normal(size=(3, 3, 12, 16)).astype(np.float32), names="abc")


def photos(folder, count, seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for i in range(count):
        pixels = rng.integers(0, 256, (30, 40, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:03d}.png")
    return folder


def contents(folder, without=("run.json", "index.html")):
    """Every file's hash, but for run.json, which holds timings."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.name not in without]
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_every_image_gets_a_picture_arrays_and_a_record(tmp_path):
    summary = run(TECHNIQUE, model(), [photos(tmp_path / "in", 3)], RunOptions(out=str(tmp_path / "out")))
    assert summary.exit_code == ExitCode.DONE
    lines = [json.loads(line) for line in (tmp_path / "out/results.jsonl").read_text().splitlines()]
    assert [line["name"] for line in lines] == ["000.png", "001.png", "002.png"]
    for line in lines:
        assert Image.open(tmp_path / "out" / line["files"]["picture"]).size == (40, 30)
        with np.load(tmp_path / "out" / line["files"]["arrays"]) as arrays:
            assert arrays["heat"].shape == (12, 16)
            assert line["numbers"]["drop"] == pytest.approx(float(arrays["heat"].max()), rel=1e-5)


def test_the_default_folder_is_named_by_what_changes_the_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = photos(tmp_path / "in", 1)
    first = run(TECHNIQUE, model(), [folder]).folder
    assert first.parts[:2] == ("runs", "linear")
    assert run(TECHNIQUE, model(), [folder]).folder == first
    assert run(Occlusion(patch=4, stride=2), model(), [folder]).folder != first
    assert run(TECHNIQUE, model(), [folder], RunOptions(target="1")).folder != first


def test_a_second_run_computes_nothing_and_changes_nothing(tmp_path):
    options = RunOptions(out=str(tmp_path / "out"))
    folder = photos(tmp_path / "in", 5)
    run(TECHNIQUE, model(), [folder], options)
    before = contents(tmp_path / "out")
    again = model()
    summary = run(TECHNIQUE, again, [folder], options)
    assert (summary.reused, summary.forwards, again.batches) == (5, 0, [])
    assert contents(tmp_path / "out") == before


def test_a_changed_image_alone_is_done_again(tmp_path):
    options = RunOptions(out=str(tmp_path / "out"))
    folder = photos(tmp_path / "in", 5)
    run(TECHNIQUE, model(), [folder], options)
    Image.new("RGB", (40, 30), (9, 99, 199)).save(folder / "002.png")
    assert run(TECHNIQUE, model(), [folder], options).reused == 4


class Interrupted(Listener):
    """Raises after some images are settled, as Ctrl-C does."""

    def __init__(self, after):
        self.after = after

    def image(self, record, fresh):
        self.after -= 1
        if self.after == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [1, 9, 20])
def test_an_interrupted_run_ends_with_the_bytes_of_a_whole_one(tmp_path, after):
    folder = photos(tmp_path / "in", 20)
    run(TECHNIQUE, model(), [folder], RunOptions(out=str(tmp_path / "whole")))
    with pytest.raises(KeyboardInterrupt):
        run(TECHNIQUE, model(), [folder], RunOptions(out=str(tmp_path / "cut")), Interrupted(after))
    assert json.loads((tmp_path / "cut/run.json").read_text())["complete"] is False or after == 20
    summary = run(TECHNIQUE, model(), [folder], RunOptions(out=str(tmp_path / "cut")))
    assert summary.reused >= 8 * (after // 8)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


@pytest.mark.parametrize("left", [b'{"name": "000.p', b"", b'{"name": "000.png", "status": "done"}\n'])
def test_a_line_that_a_kill_cut_off_is_not_believed(tmp_path, left):
    folder = photos(tmp_path / "in", 3)
    run(TECHNIQUE, model(), [folder], RunOptions(out=str(tmp_path / "whole")))
    options = RunOptions(out=str(tmp_path / "cut"))
    run(TECHNIQUE, model(), [folder], options)
    (tmp_path / "cut/results.jsonl").write_bytes(left)
    (tmp_path / "cut/.000.png.tmp").write_bytes(b"half a pic")
    run(TECHNIQUE, model(), [folder], options)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_records_after_a_cut_line_are_whole_even_if_the_second_try_is_interrupted_too(tmp_path):
    folder = photos(tmp_path / "in", 20)
    options = RunOptions(out=str(tmp_path / "out"))
    with pytest.raises(KeyboardInterrupt):
        run(TECHNIQUE, model(), [folder], options, Interrupted(1))
    (tmp_path / "out/results.jsonl").write_bytes(b'{"name": "000.p')
    with pytest.raises(KeyboardInterrupt):
        run(TECHNIQUE, model(), [folder], options, Interrupted(9))
    lines = (tmp_path / "out/results.jsonl").read_text().splitlines()
    assert [json.loads(line)["name"] for line in lines][:8] == [f"{i:03d}.png" for i in range(8)]


def test_a_deleted_picture_is_made_again(tmp_path):
    options = RunOptions(out=str(tmp_path / "out"))
    folder = photos(tmp_path / "in", 3)
    run(TECHNIQUE, model(), [folder], options)
    before = contents(tmp_path / "out")
    (tmp_path / "out/001.png").unlink()
    assert run(TECHNIQUE, model(), [folder], options).reused == 2
    assert contents(tmp_path / "out") == before


def test_another_run_never_mixes_into_a_folder(tmp_path):
    options = RunOptions(out=str(tmp_path / "out"))
    folder = photos(tmp_path / "in", 2)
    run(TECHNIQUE, model(), [folder], options)
    with pytest.raises(UsageError, match="another run"):
        run(Occlusion(patch=2, stride=2), model(), [folder], options)


def test_shards_share_out_the_images(tmp_path):
    folder = photos(tmp_path / "in", 20)
    names = []
    for part in (1, 2, 3):  # in chunks of eight images, which share batches
        options = RunOptions(out=str(tmp_path / f"out{part}"), shard=f"{part}/3")
        names.append([record["name"] for record in run(TECHNIQUE, model(), [folder], options).records])
    assert [len(part) for part in names] == [8, 8, 4]
    assert [name for part in names for name in part] == [f"{i:03d}.png" for i in range(20)]


def breakages(good):
    """Thirty files that are broken in different ways, by name."""
    jpeg = good.with_suffix(".jpg")
    Image.open(good).convert("RGB").save(jpeg)
    png, jpg = good.read_bytes(), jpeg.read_bytes()
    jpeg.unlink()
    flipped = bytearray(png)
    flipped[len(png) // 2] ^= 0xFF
    return {
        "empty.jpg": b"",
        "one_byte.jpg": b"\xff",
        "zeros.png": bytes(1000),
        "text.jpg": b"this is not an image",
        "html.jpg": b"<html><body>404</body></html>",
        "svg.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "json.png": b'{"error": "quota"}',
        "pdf.png": b"%PDF-1.7\n%...",
        "zip.webp": b"PK\x03\x04" + bytes(50),
        "gzip.bmp": b"\x1f\x8b\x08" + bytes(50),
        "elf.tif": b"\x7fELF" + bytes(50),
        "heic.jpg": b"\x00\x00\x00\x18ftypheic" + bytes(50),
        "mp4.gif": b"\x00\x00\x00\x18ftypisom" + bytes(50),
        "head_only.jpg": jpg[:20],
        "cut_half.jpg": jpg[: len(jpg) // 2],
        "cut_quarter.png": png[: len(png) // 4],
        "cut_end.png": png[:-40],
        "header.png": png[:16],
        "bad_checksum.png": bytes(flipped),
        "no_size.bmp": b"BM" + bytes(60),
        "gif_header.gif": b"GIF89a",
        "tiff_header.tif": b"II*\x00" + bytes(4),
        "webp_header.webp": b"RIFF\x10\x00\x00\x00WEBPVP8 ",
        "png_bomb.png": _png_of_size(60000, 60000),
        "png_no_width.png": _png_of_size(0, 10),
        "random.jpg": np.random.default_rng(0).bytes(500),
        "jpeg_marker.jpeg": b"\xff\xd8\xff\xe0" + bytes(30),
        "latin.png": "grüße".encode("latin-1"),
    }


def _png_of_size(width, height):
    import struct
    import zlib

    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


def test_of_200_files_with_30_broken_ones_170_are_done_and_30_have_reasons(tmp_path):
    folder = photos(tmp_path / "in", 170)
    for name, data in breakages(folder / "000.png").items():
        (folder / name).write_bytes(data)
    (folder / "folder.jpg").mkdir()
    (folder / "dangling.png").symlink_to(folder / "nowhere")
    assert len(list(folder.iterdir())) == 200
    summary = run(TECHNIQUE, model(), [folder], RunOptions(out=str(tmp_path / "out")))
    done = [record for record in summary.records if record["status"] == "done"]
    assert (len(done), len(summary.failed), summary.exit_code) == (170, 30, ExitCode.SOME_IMAGES_FAILED)
    assert all(len(record["reason"]) > 10 for record in summary.failed)
    assert len({record["reason"] for record in summary.failed}) > 10
    listed = json.loads((tmp_path / "out/run.json").read_text())
    assert listed["images"] == {"found": 200, "done": 170, "failed": 30}


def test_a_mended_image_is_done_on_the_next_run(tmp_path):
    folder = photos(tmp_path / "in", 3)
    good = (folder / "001.png").read_bytes()
    (folder / "001.png").write_bytes(good[:50])
    options = RunOptions(out=str(tmp_path / "out"))
    assert len(run(TECHNIQUE, model(), [folder], options).failed) == 1
    (folder / "001.png").write_bytes(good)
    summary = run(TECHNIQUE, model(), [folder], options)
    assert (len(summary.failed), summary.reused) == (0, 2)


def test_fail_fast_stops_and_keeps_what_is_done(tmp_path):
    folder = photos(tmp_path / "in", 30)
    (folder / "009.png").write_bytes(b"broken")
    with pytest.raises(ImageError, match=r"009\.png"):
        run(TECHNIQUE, model(), [folder], RunOptions(out=str(tmp_path / "out"), fail_fast=True))
    kept = [json.loads(line) for line in (tmp_path / "out/results.jsonl").read_text().splitlines()]
    assert {"000.png", "007.png"} <= {r["name"] for r in kept if r["status"] == "done"}


def test_a_model_that_fails_in_the_middle_loses_nothing(tmp_path):
    class Failing(LinearModel):
        def run(self, images, layers):
            if sum(self.batches) > 200:
                raise ModelError("the device went away")
            return super().run(images, layers)

    folder = photos(tmp_path / "in", 30)
    options = RunOptions(out=str(tmp_path / "out"))
    with pytest.raises(ModelError, match="went away"):
        run(TECHNIQUE, Failing(model().weights), [folder], options)
    kept = len((tmp_path / "out/results.jsonl").read_text().splitlines())
    assert kept >= 8
    assert run(TECHNIQUE, LinearModel(model().weights), [folder], options).reused == kept


def test_an_image_that_the_model_answers_with_nan_fails_alone(tmp_path):
    class Picky(LinearModel):
        """Cannot take a black pixel in the corner."""

        def run(self, images, layers):
            found = super().run(images, layers)
            return {n: np.where(images[:, :1, 0, 0] == 0, np.float32(np.nan), v) for n, v in found.items()}

    folder = photos(tmp_path / "in", 4)
    Image.fromarray(np.zeros((12, 16, 3), np.uint8)).save(folder / "002.png")
    options = RunOptions(out=str(tmp_path / "out"), target="0")
    with np.errstate(invalid="ignore"):
        summary = run(TECHNIQUE, Picky(model().weights), [folder], options)
    assert [r["status"] for r in summary.records] == ["done", "done", "failed", "done"]
    assert "not a finite number" in summary.failed[0]["reason"]


def test_target_label_takes_each_images_own_class_and_names_those_without(tmp_path):
    folder = photos(tmp_path / "in", 3)
    (folder / "labels.json").write_text(json.dumps({"000.png": 2, "001.png": {"label": "b"}}))
    summary = run(TECHNIQUE, model(), [folder], RunOptions(out=str(tmp_path / "out"), target="label"))
    assert [r.get("target", {}).get("class_index") for r in summary.records] == [2, 1, None]
    assert "labels.json" in summary.failed[0]["reason"]


def test_same_names_from_two_folders_do_not_meet(tmp_path):
    a, b = photos(tmp_path / "a", 2, seed=1), photos(tmp_path / "b", 2, seed=2)
    summary = run(TECHNIQUE, model(), [a, b], RunOptions(out=str(tmp_path / "out")))
    assert len(summary.records) == len({r["name"] for r in summary.records}) == len({r["key"] for r in summary.records})
    assert len({r["sha256"] for r in summary.records}) == 4


def test_no_image_is_said_with_what_was_looked_for(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoImages, match="empty"):
        run(TECHNIQUE, model(), [tmp_path / "empty"])


def test_a_large_photo_gets_a_small_preview(tmp_path):
    (tmp_path / "in").mkdir()
    Image.fromarray(np.zeros((900, 1500, 3), np.uint8)).save(tmp_path / "in/large.png")
    [record] = run(TECHNIQUE, model(), [tmp_path / "in"], RunOptions(out=str(tmp_path / "out"))).records
    assert max(Image.open(tmp_path / "out" / record["files"]["preview"]).size) == 512
    assert Image.open(tmp_path / "out" / record["files"]["picture"]).size == (1500, 900)


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is a POSIX signal")
def test_kill_9_in_the_middle_of_a_folder_changes_nothing_in_the_end(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(24):
        Image.fromarray(draw(i).pixels).save(folder / f"{i:03d}.png")
    command = [sys.executable, "-m", "viz", "occlusion", "--model", "zoo:shapes", str(folder), "--stride", "5", "--out"]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)
    _killed_once_some_are_done([*command, str(tmp_path / "killed")], tmp_path / "killed/results.jsonl")
    done = len((tmp_path / "killed/results.jsonl").read_text().splitlines())
    assert 0 < done < 24, "the kill came too late or too early to show anything"
    subprocess.run([*command, str(tmp_path / "killed")], check=True, capture_output=True)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    reused = json.loads((tmp_path / "killed/run.json").read_text())["timings"]["images_reused"]
    assert reused == done


def _killed_once_some_are_done(command: list[str], results: Path) -> None:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (results.exists() and results.read_bytes()):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_arrays_are_compressed_where_that_saves_something(tmp_path):
    folder = RunFolder(tmp_path / "run", "identity")
    noise = np.random.default_rng(0).standard_normal((3, 64, 64)).astype(np.float32)
    smooth = np.zeros((3, 64, 64), np.float32)
    for name, array in (("noise", noise), ("smooth", smooth)):
        folder.write_arrays(f"{name}.npz", {"heat": array})
        np.testing.assert_array_equal(np.load(tmp_path / "run" / f"{name}.npz")["heat"], array)
    sizes = [(tmp_path / "run" / f"{name}.npz").stat().st_size for name in ("noise", "smooth")]
    assert sizes[0] > noise.nbytes and sizes[1] < smooth.nbytes / 20
