"""Boxes and masks beside photos, brought to what a model sees."""

import json

import numpy as np
import pytest
from PIL import Image

from viz.core.errors import ImageError
from viz.core.images import Box
from viz.core.true_regions import region_of
from viz.core.truths import Known, known_of, true_classes

PHOTO = (100, 200)  # height and width
WHOLE = Box(0, 0, 200, 100)
MANY = 10**9


def found(said, tmp_path, box=WHOLE, size=(10, 20)):
    return region_of(Known(said, tmp_path), PHOTO, box, size, MANY)


def test_a_box_covers_the_model_pixels_whose_middle_lies_in_it(tmp_path):
    region = found({"boxes_xyxy": [[24, 34, 66, 46]]}, tmp_path)
    expected = np.zeros((10, 20), np.bool_)
    expected[3:5, 2:7] = True  # middles at 35 and 45, and from 25 to 65
    np.testing.assert_array_equal(region.inside, expected)
    assert region.pixel == (10, 10)


def test_several_boxes_are_one_region_and_all_names_of_boxes_are_read(tmp_path):
    two = found({"boxes": [[0, 0, 10, 10], [190, 90, 200, 100]]}, tmp_path)
    assert two.inside[0, 0] and two.inside[9, 19] and two.inside.sum() == 2
    assert found({"box_xyxy": [0, 0, 10, 10]}, tmp_path).inside.sum() == 1


def test_a_crop_moves_the_box_and_a_part_outside_of_it_is_not_seen(tmp_path):
    middle = Box(50, 0, 150, 100)
    region = found({"boxes_xyxy": [[0, 0, 70, 50]]}, tmp_path, middle, (10, 10))
    expected = np.zeros((10, 10), np.bool_)
    expected[:5, :2] = True
    np.testing.assert_array_equal(region.inside, expected)


def test_an_object_outside_of_the_crop_is_no_region(tmp_path):
    assert found({"boxes_xyxy": [[0, 0, 40, 40]]}, tmp_path, Box(50, 0, 150, 100), (10, 10)) is None


def test_a_mask_counts_before_a_box_and_moves_with_the_crop(tmp_path):
    mask = np.zeros(PHOTO, np.uint8)
    mask[20:40, 60:80] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    said = {"mask": "mask.png", "boxes_xyxy": [[0, 0, 200, 100]]}
    region = found(said, tmp_path, Box(50, 0, 150, 100), (10, 10))
    expected = np.zeros((10, 10), np.bool_)
    expected[2:4, 1:3] = True
    np.testing.assert_array_equal(region.inside, expected)


def test_distance_is_in_pixels_of_the_photo(tmp_path):
    region = found({"boxes_xyxy": [[20, 30, 60, 40]]}, tmp_path)
    assert region.distance(3, 5) == 0
    assert region.distance(3, 8) == 30
    assert region.distance(7, 8) == 50  # 3, 4, 5


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"boxes_xyxy": [[20, 30, 60]]}, "no box"),
        ({"boxes_xyxy": [[60, 30, 20, 40]]}, "no box"),
        ({"boxes": "left"}, "no box"),
        ({"boxes_xyxy": [[0, 0, 9, 9]], "width": 500, "height": 375}, "375x500"),
        ({"mask": "missing.png"}, "missing.png"),
    ],
)
def test_what_does_not_suit_the_photo_is_an_error_of_that_image(said, reason, tmp_path):
    with pytest.raises(ImageError, match=reason):
        found(said, tmp_path)


def test_a_mask_of_another_size_is_refused(tmp_path):
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(tmp_path / "mask.png")
    with pytest.raises(ImageError, match="5"):
        found({"mask": "mask.png"}, tmp_path)


def test_no_entry_and_an_entry_without_places_are_no_region(tmp_path):
    assert region_of(None, PHOTO, WHOLE, (10, 20), MANY) is None
    assert found({"label": "tabby"}, tmp_path) is None
    assert found("tabby", tmp_path) is None


def test_boxes_and_labels_are_put_together_and_the_label_counts_first(tmp_path):
    (tmp_path / "boxes.json").write_text(json.dumps({"a.png": {"class_index": 3, "boxes_xyxy": [[0, 0, 1, 1]]}}))
    (tmp_path / "labels.json").write_text(json.dumps({"a.png": {"label": "tabby"}, "b.png": 0}))
    paths = [tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png"]
    assert true_classes(paths, []) == ["tabby", "0", None]
    assert known_of(paths, [])[0].said["boxes_xyxy"] == [[0, 0, 1, 1]]


def test_boxes_alone_give_the_class_too(tmp_path):
    (tmp_path / "boxes.json").write_text(json.dumps({"images/a.png": {"class_index": 3}}))
    assert true_classes([tmp_path / "images" / "a.png"], []) == ["3"]
