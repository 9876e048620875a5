"""Images elsewhere: the same names, order and results as from a folder here, through fsspec."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fakes import LinearModel
from viz.core import images
from viz.core.discovery import find_images
from viz.core.errors import ImageError, NoImages, UsageError
from viz.core.remote_paths import is_remote
from viz.core.run_options import RunOptions
from viz.engine.run_folder import RunFolder
from viz.engine.shared_photos import SharedPhotos
from viz.runs import run
from viz.techniques.attribution.occlusion import Occlusion

NAMES = ["img10.png", "img2.png", "b/z.jpg", "b/a.JPEG", "a10/y.webp", "a9/x.bmp", ".hidden.png", ".git/c.png", "n.txt"]


@pytest.fixture
def elsewhere():
    """A storage in memory, and a way to put a folder of this machine into it."""
    pytest.importorskip("upath", reason="universal-pathlib is not installed: pip install 'onnx-viz[remote]'")
    import fsspec

    files = fsspec.filesystem("memory")

    def put(folder: Path, name: str = "photos") -> str:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                files.pipe_file(f"/{name}/{path.relative_to(folder).as_posix()}", path.read_bytes())
        return f"memory://{name}"

    yield put
    for top in files.ls("/", detail=False):
        files.rm(top, recursive=True)


def written(folder: Path, names: list[str] = NAMES) -> Path:
    rng = np.random.default_rng(0)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".txt":
            path.write_text("no image")
        else:
            Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(path)
    return folder


def told(source: str, **options: int) -> list[tuple[str, str, str | None]]:
    return [(file.name, file.key, file.truth) for file in find_images([source], **options).files]


def test_what_is_remote_is_told_by_its_scheme():
    assert is_remote("s3://bucket/dir") and is_remote("memory://a") and is_remote("simplecache::s3://bucket/dir")
    assert not is_remote("photos/a.jpg")
    assert not is_remote("file:///photos")
    assert not is_remote("C:\\photos")
    assert not is_remote("odd::name.jpg")


def test_a_folder_elsewhere_is_listed_as_one_here(tmp_path, elsewhere):
    folder = written(tmp_path / "in")
    (folder / "labels.json").write_text(json.dumps({"img2.png": "cat", "b/z.jpg": 3}))
    (folder / "b" / "boxes.json").write_text(json.dumps({"a.JPEG": {"class_index": 5, "boxes": [[0, 0, 9, 9]]}}))
    assert told(elsewhere(folder)) == told(str(folder))
    assert told(elsewhere(folder), limit=3) == told(str(folder))[:3]
    assert ("img2.png", "img2", "cat") in told(elsewhere(folder))
    assert any(reason.endswith("n.txt") for reason in find_images([elsewhere(folder)]).skipped)


def test_file_urls_are_files_here(tmp_path):
    folder = written(tmp_path / "a b")
    assert find_images([folder.as_uri()]) == find_images([str(folder)])


@pytest.mark.parametrize("pattern", ["*.png", "b/*", "**/*.bmp", "a*"])
def test_a_glob_elsewhere_is_as_one_here(tmp_path, elsewhere, pattern):
    folder = written(tmp_path / "in", [name for name in NAMES if not name.startswith(".")])
    assert [one[0] for one in told(f"{elsewhere(folder)}/{pattern}")] == [one[0] for one in told(f"{folder}/{pattern}")]


def test_a_single_file_and_a_list_of_files_elsewhere(tmp_path, elsewhere):
    root = elsewhere(written(tmp_path / "in"))
    assert told(f"{root}/b/z.jpg")[0][:2] == ("z.jpg", "z")
    here = tmp_path / "list.txt"
    here.write_text(f"# two\n{root}/img2.png\r\n{root}/b/z.jpg\n")
    assert [one[1] for one in told(f"@{here}")] == ["img2", "z"]
    (tmp_path / "in" / "list.txt").write_text("img2.png\nb/z.jpg\n")
    elsewhere(tmp_path / "in")
    assert [one[0] for one in told(f"@{root}/list.txt")] == ["img2.png", "b/z.jpg"]


def test_earlier_results_elsewhere_are_passed_over(tmp_path, elsewhere):
    folder = written(tmp_path / "in", ["a.png", "out/x.png"])
    for name in ("run.json", "results.jsonl"):
        (folder / "out" / name).touch()
    found = find_images([elsewhere(folder)])
    assert [file.name for file in found.files] == ["a.png"]
    assert any("results of an earlier run" in reason for reason in found.skipped)


def test_a_file_is_decoded_as_one_here(tmp_path, elsewhere):
    folder = written(tmp_path / "in", ["a.png"])
    (file,) = find_images([elsewhere(folder)]).files
    there, here = images.read(file.path), images.read(folder / "a.png")
    assert there.sha256 == here.sha256
    np.testing.assert_array_equal(there.pixels, here.pixels)


def test_what_cannot_be_read_says_why(tmp_path, elsewhere):
    folder = written(tmp_path / "in", ["a.png", "b.png"])
    (folder / "b.png").write_bytes(b"")
    first, second = find_images([elsewhere(folder)]).files
    with pytest.raises(ImageError, match="empty file"):
        images.read(second.path)
    with pytest.raises(ImageError, match=r"over 67,108,880 bytes, more than an image of 1 pixels"):
        first.path.write_bytes(bytes(67_108_881))
        images.read(first.path, max_pixels=1)
    first.path.unlink()
    with pytest.raises(ImageError, match="cannot be read"):
        images.read(first.path)


def test_a_run_over_images_elsewhere_gives_the_same_bytes_and_knows_what_is_done(tmp_path, elsewhere):
    folder = written(tmp_path / "in", [f"{n}.png" for n in range(3)])
    weights = np.random.default_rng(0).normal(size=(3, 3, 12, 16)).astype(np.float32)
    model, technique = LinearModel(weights, names="abc"), Occlusion(patch=4, stride=4)
    source = elsewhere(folder)
    run(technique, model, [folder], RunOptions(out=str(tmp_path / "here")))
    run(technique, model, [source], RunOptions(out=str(tmp_path / "there")))
    for path in (tmp_path / "here").rglob("*"):
        if path.is_file() and path.name != "run.json":
            assert (tmp_path / "there" / path.relative_to(tmp_path / "here")).read_bytes() == path.read_bytes()
    again = run(technique, model, [source], RunOptions(out=str(tmp_path / "there")))
    assert again.reused == 3
    find_images([source]).files[1].path.write_bytes((folder / "0.png").read_bytes())
    assert run(technique, model, [source], RunOptions(out=str(tmp_path / "there"))).reused == 2
    assert RunFolder(tmp_path / "there", json.loads((tmp_path / "there/run.json").read_text())["identity"])


def test_shared_photos_notice_a_change(tmp_path, elsewhere):
    folder = written(tmp_path / "in", ["a.png", "b.png"])
    file, other = find_images([elsewhere(folder)]).files
    shared = SharedPhotos(10_000_000)
    first = shared.read(file.path)
    assert shared.read(file.path) is first
    file.path.write_bytes(other.path.read_bytes())
    assert shared.read(file.path).sha256 == shared.read(other.path).sha256 != first.sha256


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("memory://nothing/here", "does not exist"),
        ("nosuch://a/b", "Unsupported filesystem"),
        ("memory://nothing/*.png", "no image found"),
    ],
)
def test_sources_that_cannot_be_are_explained(elsewhere, source, problem):
    with pytest.raises((UsageError, NoImages), match=problem):
        find_images([source])


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "upath", None)
    with pytest.raises(UsageError) as raised:
        find_images(["s3://bucket/photos"])
    assert raised.value.next_step == "pip install 'onnx-viz[remote]'"


def test_a_storage_whose_package_is_missing_is_named(elsewhere, monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(UsageError, match="s3fs"):
        find_images(["s3://bucket/photos"])
