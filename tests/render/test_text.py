"""Words on pictures: cut so that they fit, and drawn with what the font has."""

import pytest

from viz.render.text import cut, cut_start, plain, width_of, word, wrapped


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("caf\u00e9 \u00d7 2", "cafe x 2"),
        ("\u03bb\u2016x\u2016\u2086", "lambda||x||6"),
        ("a\n\tb", "a b"),
        ("\u732b", "?"),
        ("caf\udce9", "caf?"),
        ("error\u2026 \u00b7 5 %", "error\u2026 \u00b7 5 %"),
    ],
)
def test_signs_that_the_font_does_not_have_are_spelled(text, drawn):
    assert plain(text) == drawn


def test_what_fits_is_whole_and_what_does_not_is_cut_to_fit():
    assert cut("conv3", 12, 100) == "conv3"
    shown = cut("/features/features.4/conv/conv.0/Conv", 12, 100)
    assert shown.endswith("\u2026") and 80 < width_of(shown, 12) <= 100
    assert cut_start("/features/features.4/conv/conv.0/Conv", 12, 100).endswith("conv.0/Conv")
    assert cut("conv3", 12, 1) == ""


def test_lines_break_after_words_and_signs_and_lose_nothing_that_fits():
    text = "tabby, tabby cat 99.8 % of /features/features.4/conv/conv.0/Conv"
    lines = wrapped(text, 12, 140, 4)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(width_of(line, 12) <= 140 for line in lines) and 2 < len(lines) <= 4
    assert all(line[-1] in " ,/._-:" or text[text.index(line) + len(line)] == " " for line in lines[:-1])
    assert wrapped(text, 12, 140, 2)[-1].endswith("\u2026")
    assert wrapped("", 12, 140, 2) == []


def test_a_word_without_a_place_to_break_is_broken_where_it_must():
    lines = wrapped("x" * 60, 12, 100, 9)
    assert "".join(lines) == "x" * 60 and len(lines) > 2


def test_letters_are_dark_on_white():
    shown = word("MMM", 14)
    assert shown.min() < 80 and shown.max() == 255
