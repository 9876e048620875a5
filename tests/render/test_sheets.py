"""Contact sheets: every picture whole, in its place, with its words below."""

import numpy as np
import pytest

from viz.render import sheet, side_by_side

RED, GREEN, BLUE, BLACK = (250, 5, 5), (5, 200, 5), (5, 5, 250), (0, 0, 0)


def flat(colour, height=256, width=256):
    return np.full((height, width, 3), colour, np.uint8)


def where(picture, colour):
    """Top, left, height and width of a colour's place, which it must fill."""
    rows, columns = np.nonzero((picture == colour).all(axis=2))
    top, left = rows.min(), columns.min()
    height, width = rows.max() + 1 - top, columns.max() + 1 - left
    assert len(rows) == height * width, "it fills its place"
    return int(top), int(left), int(height), int(width)


def ink(picture):
    """Rows and columns where something dark and colourless is written."""
    return np.nonzero((picture.max(axis=2) < 140) & (np.ptp(picture.astype(int), axis=2) < 30))


def test_rows_and_columns_stand_in_the_order_of_first_mention():
    shown = sheet(
        [("b.jpg", "conv2", "", flat(RED)), ("a.jpg", "conv1", "", flat(GREEN)), ("b.jpg", "conv1", "", flat(BLUE))]
    )
    red, green, blue = (where(shown, colour) for colour in (RED, GREEN, BLUE))
    assert red[0] == blue[0] and green[1] == blue[1]
    assert red[1] + 256 < blue[1] and blue[0] + 256 < green[0]


def test_pictures_without_names_fill_a_square_in_order():
    colours = [(40 * i + 1, 200, 7) for i in range(5)]
    shown = sheet([("", "", "", flat(colour)) for colour in colours])
    places = [where(shown, colour)[:2] for colour in colours]
    assert places == sorted(places)
    assert len({top for top, _ in places}) == 2 and len({left for _, left in places}) == 3


def test_pictures_of_one_row_and_column_stand_beside_each_other_under_one_heading():
    shown = sheet([("a", "c", "", flat(RED)), ("a", "c", "", flat(GREEN)), ("a", "d", "", flat(BLUE))])
    lefts = [where(shown, colour)[1] for colour in (RED, GREEN, BLUE)]
    assert lefts == sorted(lefts) and len({where(shown, colour)[0] for colour in (RED, GREEN, BLUE)}) == 1


def test_pictures_of_one_column_without_rows_stand_below_each_other():
    shown = sheet([("", "c", "", flat(RED)), ("", "c", "", flat(GREEN)), ("", "d", "", flat(BLUE))])
    red, green, blue = (where(shown, colour) for colour in (RED, GREEN, BLUE))
    assert red[1] == green[1] and red[0] < green[0] and red[0] == blue[0]


def test_a_long_row_without_columns_goes_on_below():
    shown = sheet([("conv3", "", "", flat((i, 99, 7), 130, 130)) for i in range(64)])
    tops = [where(shown, (i, 99, 7))[0] for i in range(64)]
    assert len(set(tops)) == 6 and tops == sorted(tops)


def test_a_tiny_picture_is_enlarged_by_whole_pixels():
    picture = np.random.default_rng(0).integers(0, 200, (3, 5, 3), np.uint8)
    shown = sheet([("", "", "", picture)])
    expected = np.kron(picture, np.ones((51, 51, 1), np.uint8))
    assert (shown[10 : 10 + 153, 10 : 10 + 255] == expected).all()


def test_a_large_picture_is_shrunk_by_the_mean_of_areas():
    picture = np.random.default_rng(0).integers(0, 200, (512, 1024, 3)).astype(np.uint8)
    shown = sheet([("", "", "", picture)])[10 : 10 + 128, 10 : 10 + 256]
    means = picture.reshape(128, 4, 256, 4, 3).mean(axis=(1, 3))
    assert np.abs(shown - means).max() <= 1


def test_pictures_of_several_shapes_keep_theirs():
    shown = sheet([("", "", "", flat(RED, 100, 200)), ("", "", "", flat(GREEN, 512, 256))])
    assert where(shown, RED)[2:] == (100, 200)
    assert where(shown, GREEN)[2:] == (256, 128)


def test_a_caption_stands_below_its_own_picture_and_nowhere_else():
    said = sheet([("", "", "conv3:5 " * 40, flat(RED)), ("", "", "", flat(GREEN))])
    rows, columns = ink(said)
    top, left, height, width = where(said, RED)
    assert rows.min() >= top + height and left <= columns.min() and columns.max() < left + width
    assert columns.max() - columns.min() > 0.8 * width
    assert rows.max() - rows.min() < 32, "two lines at most"


def test_headings_stand_above_columns_and_left_of_rows():
    shown = sheet([("dog.jpg", "fc8", "", flat(RED))])
    rows, columns = ink(shown)
    top, left, _, _ = where(shown, RED)
    assert ((rows < top) | (columns < left)).all()
    assert ((rows < top) & (columns > left)).any() and ((rows > top) & (columns < left)).any()


@pytest.mark.parametrize("names", [("", ""), ("row", "{}"), ("{}", "column")])
def test_a_sheet_is_never_longer_than_8000_pixels(names):
    pictures = [(names[0].format(i), names[1].format(i), "c", flat((i % 250, i // 250, 9), 32, 32)) for i in range(700)]
    shown = sheet(pictures)
    assert 6000 < max(shown.shape) <= 8000
    assert len({where(shown[::4, ::4], (i % 250, i // 250, 9))[:2] for i in (0, 1, 249, 250, 699)}) == 5


def test_words_that_the_font_does_not_have_do_no_harm():
    shown = sheet([("caf\udce9", "\u732b\n", "\u00e9 \u00d7 \x00 \U0001f408", flat(RED))])
    assert where(shown, RED)[2:] == (256, 256)


def test_the_same_pictures_give_the_same_sheet():
    pictures = [("a", f"c{i}", f"{i} %", flat((i, 9, 9))) for i in range(4)]
    assert (sheet(pictures) == sheet(pictures)).all()


def test_a_row_of_pictures_has_each_label_above_its_own():
    shown = side_by_side([("original", flat(RED, 300, 400)), ("result", flat(BLUE, 300, 400))])
    red, blue = where(shown, RED), where(shown, BLUE)
    assert red[2:] == blue[2:] == (300, 400) and red[0] == blue[0] and red[1] + 400 < blue[1]
    rows, columns = ink(shown)
    assert rows.max() < red[0]
    assert (columns < red[1] + 400).any() and (columns > blue[1]).any()


@pytest.mark.parametrize("of_nothing", [sheet, side_by_side])
def test_nothing_to_show_is_an_error(of_nothing):
    with pytest.raises(ValueError, match="at least one"):
        of_nothing([])


def test_headings_of_rows_that_are_lower_than_they_do_not_cover_each_other():
    shown = sheet([(f"row {i}", "c", "", flat((i % 250, 150, 9), 16, 16)) for i in range(1000)])
    rows, _ = ink(shown[:, :60])
    gaps = np.diff(np.unique(rows))
    assert (gaps > 1).sum() > 150
