"""How large a made image is, and the border that the model does not see."""

import numpy as np
import pytest

from viz.core.errors import UsageError
from viz.core.fitting import Box
from viz.techniques.synthesis._canvas import mirrored, size_of, widened

IMAGE = np.arange(3 * 6 * 7, dtype=np.float32).reshape(3, 6, 7)


@pytest.mark.parametrize(("text", "size"), [(None, (5, 6)), ("224", (224, 224)), (" 240 x 320 ", (240, 320))])
def test_sizes_are_height_times_width(text, size):
    assert size_of(text, (5, 6)) == size


@pytest.mark.parametrize("text", ["", "0", "x", "224x", "-3", "2.5", "240x0", "10,20", "1e3"])
def test_what_is_no_size_is_refused_and_the_flag_named(text):
    with pytest.raises(UsageError, match=f"--tile {text} is not a size") as problem:
        size_of(text, (5, 6), "--tile")
    assert "--tile 480x640" in problem.value.next_step


def test_a_size_that_no_memory_holds_is_refused():
    with pytest.raises(UsageError, match="--image-size 99999 is more than 178,956,970 pixels"):
        size_of("99999", (5, 6))


def test_an_image_that_is_seen_whole_stays_as_it_is():
    assert mirrored(IMAGE, Box(0, 0, 7, 6)) is IMAGE
    assert mirrored(IMAGE, Box(-2, -1, 9, 8)) is IMAGE


def test_the_border_mirrors_what_is_seen_and_that_stays():
    found = mirrored(IMAGE, Box(2, 1, 6, 5))
    np.testing.assert_array_equal(found[:, 1:5, 2:6], IMAGE[:, 1:5, 2:6])
    np.testing.assert_array_equal(found[:, 0, 2:6], IMAGE[:, 1, 2:6])
    np.testing.assert_array_equal(found[:, 1:5, 0], IMAGE[:, 1:5, 3])
    np.testing.assert_array_equal(found[:, 5, 6], IMAGE[:, 4, 5])


def test_a_pixel_that_is_seen_in_part_counts_as_seen():
    np.testing.assert_array_equal(mirrored(IMAGE, Box(1.5, 0.2, 6.1, 5.9)), mirrored(IMAGE, Box(1, 0, 7, 6)))


def test_a_border_wider_than_the_inside_is_mirrored_again():
    found = mirrored(IMAGE, Box(5, 0, 7, 6))
    np.testing.assert_array_equal(found, IMAGE[:, :, [5, 5, 6, 6, 5, 5, 6]])


def test_a_box_is_widened_on_every_side():
    assert widened(Box(2, 3, 5, 7), 2) == Box(0, 1, 7, 9)
    assert widened(Box(0, 0, 5, 7), -1) == Box(1, 1, 4, 6)
