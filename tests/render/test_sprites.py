"""Tiles and their heat: what is where, known from what was drawn there."""

import io

import numpy as np
import pytest
from PIL import Image

from viz.core.fitting import Box
from viz.core.surveying import Window
from viz.render import sprites

RED, BLUE = (220, 30, 40), (20, 40, 210)


@pytest.fixture
def photo():
    """A blue photo, 200 high and 300 wide, with a red rectangle in rows 50 to 90 and columns 120 to 200."""
    pixels = np.full((200, 300, 3), BLUE, np.uint8)
    pixels[50:90, 120:200] = RED
    return pixels


def test_a_tile_shows_exactly_its_part_of_the_photo(photo):
    drawn = sprites.tile(photo, Box(120, 50, 160, 90), 64)
    assert (drawn == RED).all()


def test_a_patch_that_is_not_square_keeps_its_shape_and_lies_in_the_middle(photo):
    drawn = sprites.tile(photo, Box(120, 50, 200, 90), 64)
    assert sprites.part_of_tile(80, 40, 64) == (0, 16, 64, 48)
    assert (drawn[16:48] == RED).all()
    assert (drawn[:16] == sprites.ground(64)[:16]).all() and (drawn[48:] == sprites.ground(64)[48:]).all()


def test_a_tall_patch_has_ground_at_its_sides(photo):
    drawn = sprites.tile(photo, Box(130, 50, 140, 90), 64)
    assert (drawn[:, 24:40] == RED).all()
    assert (drawn[:, :24] == sprites.ground(64)[:, :24]).all() and (drawn[:, 40:] == sprites.ground(64)[:, 40:]).all()


def test_nothing_from_around_a_patch_shines_in_where_it_is_enlarged(photo):
    assert (sprites.tile(photo, Box(120, 50, 127, 57), 64) == RED).all()


def test_a_part_of_a_pixel_is_enough():
    pixels = np.full((4, 4, 3), RED, np.uint8)
    assert (sprites.tile(pixels, Box(1.2, 1.2, 1.6, 1.6), 64) == RED).all()
    assert (sprites.tile(pixels, Box(3.5, 3.5, 4.0, 4.0), 64) == RED).all()


@pytest.mark.parametrize("side", range(4))
def test_the_hatched_edge_is_on_the_side_where_the_photo_ends_and_nowhere_else(photo, side):
    drawn = sprites.tile(photo, Box(120, 50, 160, 90), 64, tuple(i == side for i in range(4)))
    other = (drawn != RED).any(axis=-1)
    edges = [other[:, :2], other[:2], other[:, -2:], other[-2:]]
    assert edges[side].all()
    assert not other[8:-8, 8:-8].any()
    assert other.sum() == edges[side].size


def test_a_tile_in_words_is_gray_with_something_written_on_it():
    drawn = sprites.tile_in_words("photo not there", 64)
    ground = (drawn == sprites.ground(64)).all(axis=-1)
    assert 0.5 < ground.mean() < 0.98


def bright(cells):
    """Rows and columns of the cells that hide less than half."""
    return [sorted(set(places.tolist())) for places in np.nonzero(cells[..., 1] < 100)]


def test_heat_is_clear_where_the_unit_responds_and_dark_elsewhere():
    heat = np.zeros((4, 4), np.uint8)
    heat[1, 2] = 255
    whole = Window(0, 0, 64, 64)
    rows, columns = bright(sprites.heat_cells(heat, whole, whole, (0, 0, 64, 64), 64))
    assert rows == [4, 5, 6, 7] and columns == [8, 9, 10, 11]


def test_heat_that_reaches_beyond_the_patch_is_cut_to_it():
    heat = np.zeros((4, 4), np.uint8)
    heat[2, 3] = 255  # rows 0 to 32 and columns 32 to 64 of the input
    cells = sprites.heat_cells(heat, Window(-64, -64, 64, 64), Window(0, 0, 64, 64), (0, 0, 64, 64), 64)
    rows, columns = bright(cells)
    assert rows == list(range(8)) and columns == list(range(8, 16))


def slow_opacity(heat, covers, window, u, v):
    """The same for a tile that is all patch, at a share (u, v) of it, one straight line after the other."""
    y = window.top + v * (window.bottom - window.top)
    x = window.left + u * (window.right - window.left)
    row = min(max((y - covers.top) / (covers.bottom - covers.top) * len(heat) - 0.5, 0), len(heat) - 1)
    column = min(max((x - covers.left) / (covers.right - covers.left) * len(heat[0]) - 0.5, 0), len(heat[0]) - 1)
    level = 0.0
    for i, line in enumerate(heat):
        for j, value in enumerate(line):
            level += max(0, 1 - abs(row - i)) * max(0, 1 - abs(column - j)) * float(value)
    return 0.82 * (255 - level)


def test_heat_is_the_same_as_that_of_a_slow_twin():
    random = np.random.default_rng(3)
    heat = random.integers(0, 256, (5, 7), dtype=np.uint8)
    covers, window = Window(-10, 5, 90, 97), Window(0, 12, 71, 90)
    cells = sprites.heat_cells(heat, covers, window, (0, 0, 64, 64), 64)
    for row in range(16):
        for column in range(16):
            expected = slow_opacity(heat, covers, window, (column + 0.5) / 16, (row + 0.5) / 16)
            assert abs(cells[row, column, 1] - expected) <= 0.5 + 1e-6


def test_beside_the_patch_nothing_is_hidden():
    heat = np.zeros((2, 2), np.uint8)
    cells = sprites.heat_cells(heat, Window(0, 0, 8, 8), Window(0, 0, 8, 8), (0, 16, 64, 48), 64)
    assert (cells[4:12, :, 1] == 209).all()
    assert (cells[:4] == 0).all() and (cells[12:] == 0).all()


def test_a_sprite_has_a_row_for_each_unit_and_a_column_for_each_patch():
    tiles = np.zeros((3, 2, 64, 64, 3), np.uint8)
    tiles[2, 1] = RED
    data = sprites.sprite_jpeg(tiles)
    with Image.open(io.BytesIO(data)) as file:
        assert file.size == (128, 192)
        pixels = np.asarray(file).astype(int)
    assert np.abs(pixels[136:184, 72:120] - RED).max() < 6
    assert pixels[:120].max() < 6 and pixels[:, :56].max() < 6
    assert sprites.sprite_jpeg(tiles) == data


def test_a_heat_picture_can_be_seen_through():
    cells = np.zeros((3, 2, 16, 16, 2), np.uint8)
    cells[1, 0, 4:8, 2:4, 1] = 200
    with Image.open(io.BytesIO(sprites.heat_png(cells))) as file:
        assert file.size == (32, 48) and file.mode == "LA"
        opaque = np.asarray(file)[..., 1]
    assert opaque[20:24, 2:4].min() == 200 and np.count_nonzero(opaque) == 8
