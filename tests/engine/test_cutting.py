"""Patches cut out of photos on disk, by the model's own way of looking at them."""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from viz.core.discovery import find_images
from viz.core.fitting import box_of
from viz.core.preprocess import Preprocess
from viz.core.surveying import Cut, Found, Unit, Window
from viz.engine.cutting import cut_patches, expected_bytes, tile_side
from viz.engine.listener import Listener
from viz.engine.loading import Loader
from viz.engine.run_folder import RunFolder
from viz.render.sprites import part_of_tile

RED, BLUE = (220, 30, 40), (20, 40, 210)
LOOKS = Preprocess(size=(100, 100), crop="center")


class Heard(Listener):
    """Keeps what is said."""

    def __init__(self):
        self.said = []

    def told(self, text):
        self.said.append(text)


@pytest.fixture
def photos(tmp_path):
    """Two photos, 200 high and 400 wide: a red square at rows 20 to 60, columns 140 to 180, and a blue one."""
    folder = tmp_path / "photos"
    folder.mkdir()
    pixels = np.full((200, 400, 3), BLUE, np.uint8)
    Image.fromarray(pixels).save(folder / "b.png")
    pixels[20:60, 140:180] = RED
    Image.fromarray(pixels).save(folder / "a.png")
    return folder


def folder_of(path, photos, preprocess=LOOKS):
    """A run folder with images.jsonl as a survey leaves it, and the listing."""
    files = find_images([photos]).files
    run = RunFolder(path, "test")
    lines = []
    for index, file in enumerate(files):
        with Image.open(file.path) as image:
            size = image.height, image.width
        box = box_of(size, preprocess)
        line = {"index": index, "name": file.name, "status": "done", "size": list(size)}
        line |= {"sha256": hashlib.sha256(file.path.read_bytes()).hexdigest()}
        lines.append(json.dumps(line | {"box": [box.left, box.top, box.right, box.bottom]}) + "\n")
    (path / "images.jsonl").write_text("".join(lines))
    return run, files


def cut(image=0, window=(10, 20, 30, 40), **more):
    return Cut(image, 1.5, Window(*window), **more)


def found(*cuts, layer="conv 1/x", channel=3, **more):
    return Found(layer, {}, [Unit(channel, {"max": 1.5}, cuts, **more)])


def records_of(path, photos, *every, preprocess=LOOKS, listener=None, tile=64):
    run, files = folder_of(path, photos, preprocess)
    loader = Loader(preprocess, (255, 255, 255), 10**8)
    return list(cut_patches(lambda: every, files, loader, run, listener or Listener(), tile))


def tile_at(path, record, column, side=64):
    """The tile of a patch."""
    with Image.open(path / record["files"]["sprite"]) as file:
        pixels = np.asarray(file).astype(int)
    across, down = record["patches"][column]["tile"]
    return pixels[down * side : (down + 1) * side, across * side : (across + 1) * side]


def test_a_patch_is_what_the_window_means_on_the_original_photo(tmp_path, photos):
    # The centre crop sees columns 100 to 300 of the photo, at half its size: the square is at rows 10 to 30,
    # columns 20 to 40 of the model's input.
    (record,) = records_of(tmp_path / "run", photos, found(cut(), cut(window=(30, 20, 50, 40))))
    assert record["patches"][0]["photo_box"] == [140, 20, 180, 60]
    assert np.abs(tile_at(tmp_path / "run", record, 0) - RED).max() < 8
    assert np.abs(tile_at(tmp_path / "run", record, 1)[8:-8, 8:-8] - BLUE).max() < 8


@pytest.mark.parametrize(
    ("preprocess", "window", "photo_box"),
    [
        (Preprocess(size=(100, 100)), (10, 35, 30, 45), [140, 20, 180, 60]),  # stretched: 4 x 2 photo pixels to one
        (Preprocess(size=(100, 100), crop=0.5), (0, 20, 10, 40), [140, 50, 180, 60]),  # of columns 100-300, rows 50-150
        (Preprocess(size=(50, 50), crop="center", resize_short=100), (0, 0, 5, 15), [150, 50, 180, 60]),
    ],
)
def test_every_way_to_crop_is_traced_back(tmp_path, photos, preprocess, window, photo_box):
    (record,) = records_of(tmp_path / "run", photos, found(cut(window=window)), preprocess=preprocess)
    assert record["patches"][0]["photo_box"] == photo_box
    left, top, right, bottom = part_of_tile(photo_box[2] - photo_box[0], photo_box[3] - photo_box[1], 64)
    shown = tile_at(tmp_path / "run", record, 0)[top:bottom, left:right]
    assert np.abs(shown[4:-4] - RED).max() < 12  # the ground above and below is in the same blocks of 8 x 8


def test_a_line_of_the_results_says_what_and_where(tmp_path, photos):
    heat = np.full((2, 2), 255, np.uint8)
    one = cut(1, place=(4, 7), heat=heat, heat_window=Window(5, 15, 35, 45))
    (record,) = records_of(tmp_path / "run", photos, found(one, flags=("dead",), details={"quantiles": {"0.5": 0.25}}))
    assert record == {
        "name": "conv 1/x:3",
        "key": "conv 1_x-3",
        "status": "done",
        "layer": "conv 1/x",
        "channel": 3,
        "numbers": {"max": 1.5},
        "flags": ["dead"],
        "details": {"quantiles": {"0.5": 0.25}},
        "warnings": [],
        "patches": [
            {
                "image": "b.png",
                "index": 1,
                "value": 1.5,
                "place": [4, 7],
                "window": [10, 20, 30, 40],
                "photo_box": [140, 20, 180, 60],
                "clipped": False,
                "tile": [0, 0],
            }
        ],
        "files": {"sprite": "sprites/conv 1_x/0001.jpg", "heat": "sprites/conv 1_x/0001.png"},
        "grid": [1, 1],
    }


def test_sixteen_units_share_a_picture_and_all_patches_find_their_place(tmp_path, photos):
    red, blue = cut(0), cut(1)
    units = [Unit(c, {}, [red] if c % 3 else [blue, red]) for c in range(37)]
    every = [Found("one", {}, units), Found("two", {}, [Unit(0, {}, [blue]), Unit(1, {}, [])])]
    records = records_of(tmp_path / "run", photos, *every)
    assert [r["name"] for r in records] == [*(f"one:{c}" for c in range(37)), "two:0", "two:1"]
    assert records[36]["files"] == {"sprite": "sprites/one/0003.jpg"} and records[36]["grid"] == [2, 5]
    for record in records[:37]:
        colours = [RED] if record["channel"] % 3 else [BLUE, RED]
        for column, colour in enumerate(colours):
            middle = tile_at(tmp_path / "run", record, column)[8:-8, 8:-8]
            assert np.abs(middle - colour).max() < 8, record["name"]
    assert np.abs(tile_at(tmp_path / "run", records[37], 0)[8:-8, 8:-8] - BLUE).max() < 8


def test_a_clipped_patch_has_an_edge_where_the_photo_ends_and_only_there(tmp_path, photos):
    edge = cut(1, window=(0, 40, 20, 60), clipped=True)
    (record,) = records_of(tmp_path / "run", photos, found(edge, cut(1, window=(0, 40, 20, 60))))
    marked, plain = (tile_at(tmp_path / "run", record, column) for column in (0, 1))
    assert record["patches"][0]["clipped"] is True
    assert np.abs(marked[:3, 8:-8] - BLUE).max() > 100
    assert np.abs(marked[16:, 8:-8] - BLUE).max() < 8
    assert np.abs(plain[:, 8:-8] - BLUE).max() < 8


def test_a_photo_that_is_gone_leaves_gray_tiles_and_a_warning(tmp_path, photos):
    run, files = folder_of(tmp_path / "run", photos)
    (photos / "a.png").unlink()
    heard = Heard()
    heat = {"heat": np.zeros((2, 2), np.uint8), "heat_window": Window(10, 20, 30, 40)}
    every = [found(cut(0, **heat), cut(1, **heat))]
    loader = Loader(LOOKS, (255, 255, 255), 10**8)
    (record,) = cut_patches(lambda: every, files, loader, run, heard, 64)
    assert [patch.get("missing", False) for patch in record["patches"]] == [True, False]
    assert record["warnings"] == ["a.png cannot be shown: cannot be read: No such file or directory"]
    assert "1 photo(s) cannot be shown" in heard.said[-1]
    gray = tile_at(tmp_path / "run", record, 0)
    assert np.ptp(gray, axis=-1).max() < 30 and gray.mean() < 200
    assert np.abs(tile_at(tmp_path / "run", record, 1)[8:-8, 8:-8] - BLUE).max() < 8
    with Image.open(tmp_path / "run" / record["files"]["heat"]) as file:
        opaque = np.asarray(file)[..., 1]
    assert opaque[:, :16].max() == 0 and opaque[:, 16:].min() > 0


def test_a_photo_that_was_replaced_is_not_shown_as_if_it_were_the_one_that_the_model_saw(tmp_path, photos):
    run, files = folder_of(tmp_path / "run", photos)
    Image.new("RGB", (400, 200), RED).save(photos / "b.png")
    loader = Loader(LOOKS, (255, 255, 255), 10**8)
    (record,) = cut_patches(lambda: [found(cut(1))], files, loader, run, Listener(), 64)
    assert record["warnings"] == ["b.png cannot be shown: it is another photo now than the one that the model saw"]


def test_every_photo_is_read_once_and_no_temporary_file_stays(tmp_path, photos):
    run, files = folder_of(tmp_path / "run", photos)
    read = []

    class Counting(Loader):
        def photo(self, file):
            read.append(file.name)
            return super().photo(file)

    every = [found(*[cut(i % 2) for i in range(9)], layer=f"l{n}") for n in range(4)]
    list(cut_patches(lambda: every, files, Counting(LOOKS, (0, 0, 0), 10**8), run, Listener(), 64))
    assert sorted(read) == ["a.png", "b.png"]
    assert not list((tmp_path / "run").glob(".*"))


def test_the_same_findings_give_the_same_bytes(tmp_path, photos):
    heat = np.arange(9, dtype=np.uint8).reshape(3, 3) * 28
    every = [found(*[cut(i % 2, heat=heat, heat_window=Window(0, 0, 50, 50)) for i in range(5)])]

    def bytes_of(name):
        records = records_of(tmp_path / name, photos, *every)
        return [json.dumps(records), *(p.read_bytes() for p in sorted((tmp_path / name).rglob("0001.*")))]

    assert bytes_of("one") == bytes_of("two")


def test_pictures_of_an_earlier_attempt_make_way(tmp_path, photos):
    units = [Unit(c, {}, [cut()]) for c in range(20)]
    records_of(tmp_path / "run", photos, Found("l", {}, units))
    records_of(tmp_path / "run", photos, Found("l", {}, units[:3]))
    assert [p.name for p in (tmp_path / "run" / "sprites" / "l").iterdir()] == ["0001.jpg"]


def test_units_without_patches_need_no_pictures(tmp_path, photos):
    (record,) = records_of(tmp_path / "run", photos, found(flags=("dead",)))
    assert record["files"] == {} and record["patches"] == []


def test_the_size_is_told_before_anything_is_cut(tmp_path, photos):
    heard = Heard()
    records_of(tmp_path / "run", photos, found(cut(), cut(1)), listener=heard, tile=None)
    assert heard.said[0].startswith("2 patches of 128x128 pixels: about 1 MB")


def test_tiles_are_large_where_that_is_affordable():
    assert tile_side(256, 16) == 128 and tile_side(100_000, 16) == 64
    assert expected_bytes(1000, 16, 64) == 2 * expected_bytes(500, 16, 64)
