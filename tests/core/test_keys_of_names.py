"""Base names of files from the names of things: readable, safe, unique."""

from hypothesis import given
from hypothesis import strategies as st

from viz.core.discovery import SUFFIXES
from viz.core.image_names import unique_keys_of_names


def test_a_name_that_a_file_can_have_is_its_key() -> None:
    assert unique_keys_of_names(["conv3", "dog fc8", "class 7"]) == ["conv3", "dog fc8", "class 7"]


def test_a_photos_suffix_is_left_out() -> None:
    assert unique_keys_of_names(["dog.jpg", "a.PNG", "features.0", "dog.jpg fc8"], SUFFIXES) == [
        "dog",
        "a",
        "features.0",
        "dog.jpg fc8",
    ]


def test_what_no_file_can_have_is_replaced() -> None:
    assert unique_keys_of_names(["conv3:5@1,2", "a/b"]) == ["conv3_5@1,2", "a_b"]


def test_two_that_would_meet_are_told_apart_by_a_hash() -> None:
    first, second, third = unique_keys_of_names(["a:b", "a/b", "c"])
    assert (first.startswith("a_b-"), second.startswith("a_b-"), third) == (True, True, "c")
    assert first != second
    assert len({key.casefold() for key in unique_keys_of_names(["Dog", "dog"])}) == 2


def test_what_belongs_to_one_is_never_the_file_of_another() -> None:
    conv, curve, numbered = unique_keys_of_names(["conv", "conv.curve", "conv.2"])
    assert (conv, numbered) == ("conv", "conv.2")
    assert curve.startswith("conv.curve-")


@given(st.lists(st.text(max_size=12), min_size=1, max_size=8, unique=True))
def test_keys_are_unique_and_safe_whatever_the_names(names: list[str]) -> None:
    keys = unique_keys_of_names(names, SUFFIXES)
    assert len({key.casefold() for key in keys}) == len(names)
    assert all(key and not set(key) & set('<>:"/\\|?*\0') for key in keys)
