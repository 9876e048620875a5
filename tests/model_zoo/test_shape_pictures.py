"""The shape pictures are what they claim: repeatable, balanced, and labelled where the shape truly is."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from viz.model_zoo.shape_pictures import LABELS, draw, write_samples


def test_a_picture_depends_on_its_seed_and_index_alone():
    first = draw(17, seed=3)
    for other in range(5):
        draw(other)  # calls in between change nothing
    again = draw(17, seed=3)
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.mask, again.mask)


@pytest.mark.parametrize("other", [(18, 3), (27, 3), (17, 4), (3, 17)])
def test_another_seed_or_index_gives_another_picture(other):
    index, seed = other
    assert not np.array_equal(draw(17, seed=3).pixels, draw(index, seed=seed).pixels)


def test_any_first_n_pictures_hold_every_class_equally_often():
    counts = np.bincount([draw(index).label for index in range(50)])
    assert counts.tolist() == [5] * len(LABELS)


@pytest.mark.parametrize("size", [64, 96, 200])
def test_pixels_are_rgb_bytes_and_the_mask_lies_wholly_inside_the_frame(size):
    for index in range(30):
        picture = draw(index, seed=5, size=size)
        assert picture.pixels.shape == (size, size, 3)
        assert picture.pixels.dtype == np.uint8
        assert picture.mask.shape == (size, size)
        assert picture.mask.dtype == np.bool_
        assert not any(
            edge.any() for edge in (picture.mask[0], picture.mask[-1], picture.mask.T[0], picture.mask.T[-1])
        )


def test_leaving_the_shape_out_changes_the_pixels_in_its_mask_and_no_others():
    for index in range(40):
        with_shape, without = draw(index), draw(index, with_shape=False)
        changed = np.abs(with_shape.pixels.astype(int) - without.pixels).max(axis=2)
        near = cv2.dilate(with_shape.mask.astype(np.uint8), np.ones((9, 9))) > 0  # and thin tips under half a pixel
        assert changed[~near].max() == 0
        assert np.mean(changed[with_shape.mask] > 20) > 0.98


def test_each_class_is_one_piece_and_none_is_larger_than_another_on_average():
    areas = {label: [] for label in LABELS}
    for index in range(300):
        picture = draw(index)
        pieces = cv2.connectedComponents(picture.mask.astype(np.uint8))[0] - 1
        assert pieces == 1
        areas[LABELS[picture.label]].append(np.sqrt(picture.mask.sum()))
    means = [np.mean(values) for values in areas.values()]
    assert max(means) - min(means) < 4
    assert min(map(min, areas.values())) > 27


def test_colour_tells_nothing_of_the_class():
    colours = np.array([draw(index).pixels[draw(index).mask].mean(axis=0) for index in range(500)])
    labels = np.arange(500) % len(LABELS)
    guesses = _nearest_class_mean(colours[:250], labels[:250], colours[250:])
    assert np.mean(guesses == labels[250:]) < 0.2  # chance is 0.1


def _nearest_class_mean(known, labels, asked):
    means = np.stack([known[labels == label].mean(axis=0) for label in range(len(LABELS))])
    return np.linalg.norm(asked[:, None] - means, axis=2).argmin(axis=1)


def test_written_samples_read_back_as_they_were_drawn(tmp_path):
    paths = write_samples(tmp_path / "shapes", count=12, seed=4)
    entries = json.loads((tmp_path / "shapes" / "labels.json").read_text())
    assert [path.name for path in paths] == list(entries)
    for index, path in enumerate(paths):
        picture, entry = draw(index, seed=4), entries[path.name]
        assert path.name == f"{index:04d}_{entry['label']}.png"
        assert LABELS[entry["class_index"]] == entry["label"] == LABELS[picture.label]
        assert np.array_equal(cv2.imread(str(path))[..., ::-1], picture.pixels)
        mask = cv2.imread(str(tmp_path / "shapes" / entry["mask"]), cv2.IMREAD_GRAYSCALE)
        assert np.array_equal(mask, picture.mask * np.uint8(255))


def test_the_written_box_is_the_tightest_around_the_mask(tmp_path):
    write_samples(tmp_path, count=10)
    for index, entry in enumerate(json.loads((tmp_path / "labels.json").read_text()).values()):
        mask = draw(index).mask
        x0, y0, x1, y1 = entry["box_xyxy"]
        inside = mask[y0:y1, x0:x1]
        assert inside.sum() == mask.sum()
        assert all(edge.any() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


def test_drawing_pictures_needs_neither_torch_nor_onnx():
    code = "import sys, viz.model_zoo.shape_pictures; print({'torch', 'onnx', 'onnxruntime'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
