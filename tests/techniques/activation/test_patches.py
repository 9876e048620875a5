"""Patches of models whose every response can be worked out by hand."""

from typing import Any

import numpy as np
import pytest

from tests.fakes import TensorModel
from tests.techniques.activation.surveying import LocalModel, seen, surveyed
from viz.core.adapter import Layer, ReceptiveField
from viz.core.errors import NotSupported, UnknownName, UsageError
from viz.core.surveying import Unit, Window
from viz.techniques.activation._relevance import relevances
from viz.techniques.activation.patches import Patches

SIZE = (6, 8)
RED, GREEN = 0, 1


def model_of_red_and_green() -> LocalModel:
    """Two channels of `products`: the red of each pixel, and minus its green."""
    weights = np.zeros((2, 3, *SIZE), np.float32)
    weights[0, RED], weights[1, GREEN] = 1, -1
    return LocalModel(weights, names=("red", "not green"))


def black(count: int) -> np.ndarray:
    return np.zeros((count, 3, *SIZE), np.float32)


def units(pixels: np.ndarray, truths: Any = None, classes: Any = (), prints: Any = None, **options: Any) -> list[Unit]:
    images = seen(list(pixels), truths, prints)
    found = surveyed(Patches(layer=("products",), **options), model_of_red_and_green(), images, classes)
    return list(found[0].units)


def test_the_best_patch_is_the_reddest_pixel_of_all_images() -> None:
    pixels = black(7)
    pixels[4, RED, 2, 5], pixels[1, RED, 0, 3] = 0.75, 0.5
    cuts = units(pixels)[0].cuts
    assert [(cut.image, cut.value, cut.place) for cut in cuts] == [(4, 0.75, (2, 5)), (1, 0.5, (0, 3))]
    assert cuts[0].window == Window(2, 5, 3, 6)
    assert not cuts[0].clipped


def test_images_that_do_not_excite_a_channel_are_not_among_its_patches() -> None:
    pixels = black(4)
    pixels[2, RED, 0, 0] = 1
    assert [cut.image for cut in units(pixels)[0].cuts] == [2]


def test_a_channel_that_is_never_above_zero_is_dead_and_still_has_its_best_patches() -> None:
    pixels = black(3)
    pixels[:, GREEN] = np.array([0.5, 0.25, 0.75])[:, None, None]
    unit = units(pixels)[1]
    assert unit.flags == ("dead",)
    assert [(cut.image, cut.value) for cut in unit.cuts] == [(1, -0.25), (0, -0.5), (2, -0.75)]
    assert unit.numbers["max"] == -0.25


def test_a_channel_that_is_zero_everywhere_is_dead_and_has_no_patch() -> None:
    unit = units(black(3))[0]
    assert unit.flags == ("dead",)
    assert list(unit.cuts) == []
    assert unit.numbers["max"] == 0


def test_figures_of_a_channel() -> None:
    pixels = black(4)
    pixels[0, RED, :, :4], pixels[3, RED, 0, 0] = 0.5, 1
    numbers = units(pixels)[0].numbers
    assert numbers["mean"] == pytest.approx((0.25 + 1 / 48) / 4, rel=1e-6)
    assert numbers["fires"] == pytest.approx((24 + 1) / (4 * 48))
    assert numbers["fires_images"] == 0.5


def test_a_channel_above_zero_at_every_position_is_always_on() -> None:
    pixels = np.full((3, 3, *SIZE), 0.5, np.float32)
    assert units(pixels)[0].flags == ("always on",)
    pixels[1, RED, 3, 3] = 0
    assert units(pixels)[0].flags == ()


def test_a_channel_that_one_image_in_a_hundred_excites_is_rare() -> None:
    pixels = black(100)
    pixels[50, RED, 1, 1] = 1
    assert units(pixels)[0].flags == ("rare",)
    pixels[51, RED, 1, 1] = 1
    assert units(pixels)[0].flags == ()


def test_selectivity_is_one_for_a_single_class_and_zero_for_all() -> None:
    pixels = black(6)
    pixels[:2, RED, 0, 0] = 0.5
    unit = units(pixels, [0, 0, 1, 1, 2, 2], ["a", "b", "c"])[0]
    assert unit.numbers["selectivity"] == 1
    assert unit.details["classes"][0] == {"name": "a", "mean": 0.5, "images": 2}
    pixels[:, RED, 0, 0] = 0.5
    assert units(pixels, [0, 0, 1, 1, 2, 2], ["a", "b", "c"])[0].numbers["selectivity"] == 0


def test_selectivity_compares_the_best_class_with_the_mean_of_the_others() -> None:
    pixels = black(4)
    pixels[:, RED, 0, 0] = [0.75, 0.5, 0, 0.25]
    unit = units(pixels, [0, 1, 2, None], ["a", "b", "c"])[0]
    assert unit.numbers["selectivity"] == pytest.approx((0.75 - 0.25) / (0.75 + 0.25))


def test_without_true_classes_there_is_no_selectivity() -> None:
    unit = units(black(3) + 0.5)[0]
    assert "selectivity" not in unit.numbers
    assert unit.details["classes"] == []


def test_copies_of_a_photo_count_once() -> None:
    pixels = black(3)
    pixels[:, RED, 0, 0] = [0.5, 0.5, 0.25]
    prints = [5, 5, 1 << 40 | 0xFF0F]
    assert [cut.image for cut in units(pixels, prints=prints)[0].cuts] == [0, 2]
    assert [cut.image for cut in units(pixels, prints=prints, keep_duplicates=True)[0].cuts] == [0, 1, 2]


def test_near_copies_of_a_photo_count_once_and_are_counted() -> None:
    pixels = black(3)
    pixels[:, RED, 0, 0] = [0.5, 0.75, 0.25]
    four, five = 0b1111, 0b11111
    unit = units(pixels, prints=[four, 0, 0xFFFF])[0]
    assert ([cut.image for cut in unit.cuts], unit.numbers["duplicates"]) == ([1, 2], 1)
    unit = units(pixels, prints=[five, 0, 0xFFFF])[0]
    assert ([cut.image for cut in unit.cuts], unit.numbers["duplicates"]) == ([1, 0, 2], 0)


def test_a_near_copy_of_a_near_copy_counts_where_it_is_none_of_the_photo_itself() -> None:
    pixels = black(3)
    pixels[:, RED, 0, 0] = [0.75, 0.5, 0.25]
    unit = units(pixels, prints=[0, 0b1111, 0b1111_1111])[0]
    assert ([cut.image for cut in unit.cuts], unit.numbers["duplicates"]) == ([0, 2], 1)


def test_a_photo_stored_many_times_does_not_push_others_out() -> None:
    pixels = black(24)
    pixels[:20, RED, 0, 0] = np.linspace(0.5, 1, 20)
    pixels[20:, RED, 0, 0] = [0.25, 0.375, 0.125, 0.4375]
    far = [0xFF << 8 * n for n in range(1, 5)]
    assert [cut.image for cut in units(pixels, prints=[0] * 20 + far, top=3)[0].cuts] == [19, 23, 21]


def test_of_equal_responses_the_first_image_and_the_first_place_come_first() -> None:
    pixels = black(4)
    pixels[1:, RED, 2:4, 3] = 0.5
    cuts = units(pixels, top=2)[0].cuts
    assert [(cut.image, cut.place) for cut in cuts] == [(1, (2, 3)), (2, (2, 3))]


def test_several_patches_of_an_image_are_ranked_with_those_of_others() -> None:
    pixels = black(2)
    pixels[0, RED, 1, 1], pixels[0, RED, 4, 6], pixels[0, RED, 4, 0] = 0.75, 0.5, 0.125
    pixels[1, RED, 3, 3] = 0.25
    found = [(cut.image, cut.value) for cut in units(pixels, per_image=2)[0].cuts]
    assert found == [(0, 0.75), (0, 0.5), (1, 0.25)]


def test_the_shoulder_of_a_peak_is_no_patch_of_its_own() -> None:
    pixels = black(1)
    pixels[0, RED, 3, 2:6] = [0.25, 0.5, 0.75, 0.5]
    assert [cut.place for cut in units(pixels, per_image=4)[0].cuts] == [(3, 4)]


def test_ranked_by_mean_a_red_image_is_before_a_red_spot() -> None:
    pixels = black(2)
    pixels[0, RED, 2, 2], pixels[1, RED] = 1, 0.25
    cuts = units(pixels, rank="mean")[0].cuts
    assert [(cut.image, cut.value) for cut in cuts] == [(1, 0.25), (0, 1.0)]


def test_heat_is_the_response_in_parts_of_the_best() -> None:
    model = TensorModel({"red": lambda images: images[:, :1]}, SIZE)
    model.receptive_field = lambda name: ReceptiveField((3, 3), (1, 1), (-1, -1))  # type: ignore[method-assign]
    pixels = black(1)
    pixels[0, RED, 0, 0], pixels[0, RED, 0, 1], pixels[0, RED, 1, 1] = 0.8, 0.4, 0.2
    cut = surveyed(Patches(layer=("red",)), model, seen(list(pixels)))[0].units[0].cuts[0]
    assert cut.heat is not None
    assert cut.heat.tolist() == [[0, 0, 0], [0, 255, 128], [0, 0, 64]]
    assert cut.heat_window == Window(-1, -1, 2, 2)
    assert (cut.window, cut.clipped) == (Window(0, 0, 2, 2), True)


def test_relevance_ranks_by_what_speaks_for_the_class() -> None:
    weights = np.zeros((2, 3, *SIZE), np.float32)
    weights[0, RED], weights[1, RED] = 1, -1
    pixels = black(2)
    pixels[0, RED, 1, 2], pixels[1, RED, 4, 4] = 1, 0.5
    model = LocalModel(weights, names=("red", "not red"))
    options: dict[str, Any] = {"layer": ("products",), "rank": "relevance"}
    for_red, against = surveyed(Patches(target="red", **options), model, seen(list(pixels)))[0].units
    assert [(cut.image, cut.place) for cut in for_red.cuts] == [(0, (1, 2)), (1, (4, 4))]
    assert list(against.cuts) == []  # it does not enter the score of `red`


def test_relevance_counts_from_what_stands_for_zero() -> None:
    def relevance(start: int, values: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> np.ndarray:
        return found["products"]

    image = np.full((1, 3, *SIZE), 0.75, np.float32)  # products are 0.75 and -0.75; the class is the sum of the first
    (found,) = relevances(model_of_red_and_green(), "red", image, {"products": 0.5}, relevance)
    assert np.unique(found[0, 0]).tolist() == [0.25]
    assert np.unique(found[0, 1]).tolist() == [0]


def test_relevance_without_a_gradient_says_what_else_ranks() -> None:
    model = model_of_red_and_green()

    def no_trace(*_: Any) -> Any:
        raise NotSupported("no gradients here")

    model.trace = no_trace  # type: ignore[method-assign]
    with pytest.raises(NotSupported, match="--rank max"):
        Patches(layer=("products",), rank="relevance").plan(model, [])


def test_a_layer_that_the_class_does_not_follow_from_is_refused_by_name() -> None:
    weights = model_of_red_and_green().weights
    model = LocalModel(weights, squash="softmax")  # explained is the score before the softmax
    with pytest.raises(NotSupported, match="probabilities"):
        Patches(layer=("probabilities",), rank="relevance").plan(model, [])


def test_a_target_without_relevance_is_refused() -> None:
    with pytest.raises(UsageError, match="--rank relevance"):
        Patches(target="top1")


def test_a_class_that_is_not_there_is_named_before_any_image_is_read() -> None:
    with pytest.raises(UnknownName, match="blue"):
        Patches(rank="relevance", target="blue").plan(model_of_red_and_green(), [])


def test_images_with_responses_that_are_no_numbers_count_for_nothing_and_are_told() -> None:
    pixels = black(3) + 0.5
    pixels[1, RED, 0, 0] = np.nan
    images = seen(list(pixels))
    found = surveyed(Patches(layer=("products",)), model_of_red_and_green(), images)[0]
    assert [cut.image for cut in found.units[0].cuts] == [0, 2]
    assert found.units[0].numbers["mean"] == pytest.approx(0.5)
    assert "1 images have responses that are not finite" in found.warnings[0]


def test_responses_far_beyond_those_that_were_expected_are_told() -> None:
    model = TensorModel({"red": lambda images: images[:, :1]}, SIZE)
    images = seen([np.full((3, *SIZE), 1000, np.float32)])
    found = surveyed(Patches(layer=("red",)), model, images)[0]
    assert "beyond 128 count as 128" in found.warnings[0]
    assert found.units[0].numbers["max"] == 1000


def test_stored_whole_numbers_count_from_the_one_that_stands_for_zero() -> None:
    model = TensorModel({"red": lambda images: np.round(images[:, :1] * 100) + 10}, SIZE)
    model.layers["red"] = Layer("red", "QLinearConv", (None, 1, *SIZE), zero=10.0)
    pixels = black(2)
    pixels[1, RED, 2, 2] = 0.25
    unit = surveyed(Patches(layer=("red",)), model, seen(list(pixels)))[0].units[0]
    assert unit.numbers["max"] == 25
    assert unit.numbers["fires"] == pytest.approx(1 / 96)
    assert unit.numbers["mean"] == pytest.approx(25 / 96)


def test_only_the_channels_that_are_asked_for_are_looked_at() -> None:
    found = units(black(2) + 0.5, units="1")
    assert [(unit.channel, unit.numbers["max"]) for unit in found] == [(1, -0.5)]


def test_related_channels_are_those_that_rise_and_fall_together() -> None:
    functions = {"pairs": lambda x: np.concatenate([x[:, :2], 1 - x[:, :1], 0 * x[:, :1]], axis=1)}
    pixels = (
        np.random.default_rng(0).random((20, 3, *SIZE)).astype(np.float32) * np.linspace(0, 1, 20)[:, None, None, None]
    )
    pixels[:, :, 1:] = pixels[:, :, :1].mean(axis=-1, keepdims=True)  # the same largest value up and down
    pixels[:, RED] = pixels[:, RED].mean(axis=(1, 2), keepdims=True)
    found = surveyed(Patches(layer=("pairs",)), TensorModel(functions, SIZE), seen(list(pixels)))[0].units
    best = found[0].details["related"][0]
    assert (best["channel"], best["correlation"]) == (2, -1.0)
    assert found[3].details["related"] == []  # constant


def test_where_responses_are_cut_off_the_mean_decides_and_the_user_is_told() -> None:
    pixels = black(5)
    for image, count in enumerate((2, 5, 3, 8, 1)):
        pixels[image, RED, 0, :count] = 1
    (found,) = surveyed(Patches(layer=("products",), units="0"), model_of_red_and_green(), seen(list(pixels)))
    assert [cut.image for cut in found.units[0].cuts] == [3, 1, 2, 0, 4]
    assert ["respond exactly alike" in warning for warning in found.warnings] == [True]
    few = Patches(layer=("products",), units="0", top=1)  # more images than are kept on the way
    (found,) = surveyed(few, model_of_red_and_green(), seen(list(pixels)))
    assert [cut.image for cut in found.units[0].cuts] == [3]
    pixels[3, RED, 0, 0] = 2
    (found,) = surveyed(Patches(layer=("products",), units="0"), model_of_red_and_green(), seen(list(pixels)))
    assert found.warnings == ()


def test_the_layer_that_is_taken_without_a_word_is_none_that_cuts_responses_off() -> None:
    model = model_of_red_and_green()
    model.layers["cut"] = Layer("cut", "Clip", model.layers["products"].shape)
    assert [layer["name"] for layer in Patches().plan(model, ())["layers"]] == ["products"]
    assert [layer["name"] for layer in Patches(layer=("cut",)).plan(model, ())["layers"]] == ["cut"]
