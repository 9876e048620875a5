"""Presets and their changes, and options of `viz maximize` that cannot go together or would do nothing."""

from dataclasses import fields, replace

import numpy as np
import pytest

from tests.fakes import LinearModel, WithoutScores
from tests.techniques.synthesis.making import PhotoList, photo
from viz.core.errors import UsageError
from viz.core.images import png_bytes
from viz.techniques.synthesis._recipe_checks import check_recipe
from viz.techniques.synthesis._recipes import RECIPES, Recipe, interval
from viz.techniques.synthesis._transformations import Transformations
from viz.techniques.synthesis.maximize import Maximize


@pytest.mark.parametrize("preset", RECIPES)
def test_presets_hold_by_themselves(preset):
    check_recipe(Maximize(preset=preset))
    assert Maximize(preset=preset).recipe == RECIPES[preset]
    assert Maximize(preset=preset).recipe_for((300, 128)) == RECIPES[preset]


def test_every_dial_is_an_option_that_changes_the_recipe():
    """An option whose name no dial has would be read by nobody."""
    other = {
        "parameters": "sigmoid",
        "start": "gray",
        "optimizer": "nadam",
        "scale": "0.5,2",
        "boxes": "0.5,0.9",
        "blur_every": 9,
        "steps": 7,
        "pad": 5,
        "jitter": 3,
    }
    for dial in fields(Recipe):
        value = other.get(dial.name, 0.375)
        for size in ((20, 20), (200, 200)):
            changed = Maximize(**{dial.name: value}).recipe_for(size)
            assert getattr(changed, dial.name) == value
            assert changed != Maximize().recipe_for(size)


def test_transformations_are_those_of_the_recipe():
    recipe = Recipe(pad=4, jitter=3, scale="0.5,2", rotate=9, boxes="0.25,0.75", noise=0.125)
    assert recipe.transformations == Transformations(
        pad=4, jitter=3, scale=(0.5, 2), rotate=9, boxes=(0.25, 0.75), noise=0.125
    )
    assert Recipe().transformations == Transformations()


def test_lengths_of_a_preset_shrink_with_small_images_and_those_that_are_given_do_not():
    asked = Maximize(preset="lucid", pad=40)
    small = asked.recipe_for((64, 300))
    assert (small.pad, small.jitter) == (40, round(RECIPES["lucid"].jitter / 2))
    assert small == replace(asked.recipe, jitter=small.jitter)
    assert Maximize().recipe_for((300, 64)).pad == round(RECIPES["lucid"].pad / 2)
    assert Maximize(preset="yosinski").recipe_for((32, 32)).blur == RECIPES["yosinski"].blur / 4


@pytest.mark.parametrize(
    ("options", "rate"),
    [
        ({"preset": "simonyan", "optimizer": "adam"}, 0.05),
        ({"preset": "lucid", "optimizer": "ascent"}, 0.01),
        ({"preset": "lucid", "parameters": "phase"}, RECIPES["maco"].learning_rate),
        ({"preset": "maco", "parameters": "fourier"}, 0.05),
        ({"preset": "simonyan", "optimizer": "lbfgs"}, 1.0),
        ({"preset": "lucid", "optimizer": "ascent", "learning_rate": 0.5}, 0.5),
        ({"preset": "lucid", "optimizer": "adam"}, RECIPES["lucid"].learning_rate),
    ],
)
def test_the_length_of_a_step_goes_with_what_is_stepped_and_how(options, rate):
    assert Maximize(**options).recipe.learning_rate == rate


def test_a_phase_starts_from_noise_unless_something_else_is_said():
    assert Maximize(preset="simonyan", parameters="phase").recipe.start == "noise"
    with pytest.raises(UsageError, match="--start gray: a phase starts from noise"):
        check_recipe(Maximize(preset="maco", start="gray"))


@pytest.mark.parametrize("text", ["", "1", "a,b", "1,2,3", "0,1", "-1,1", "1.2,0.9", "nan,1", "1,inf"])
def test_what_is_no_interval_is_refused(text):
    with pytest.raises(UsageError, match=f"--scale {text} is not"):
        interval(text, "scale")


def test_chance_is_told_from_what_only_looks_like_it():
    still = Recipe(start="gray", pad=9, scale="1,1", boxes="")
    assert not still.leaves_chance
    assert not still.is_random
    for change in ({"jitter": 1}, {"scale": "0.9,1.1"}, {"rotate": 1.0}, {"boxes": "0.5,1"}, {"noise": 0.1}):
        assert replace(still, **change).is_random
    assert replace(still, start="noise").leaves_chance
    assert not replace(still, start="noise").is_random


@pytest.mark.parametrize(
    ("options", "said", "hint"),
    [
        ({"preset": "simonyan", "starts": 2}, "all 2 starts would give the same image", "--start noise"),
        ({"diversity": 1.0}, "there is one start", "--starts 4"),
        ({"boxes": "0.5,1.5"}, "a box cannot be larger than the image", "up to 1"),
        ({"boxes": "0.5"}, "--boxes 0.5 is not two numbers", "--boxes 0.9,1.1"),
        ({"scale": "2,1"}, "--scale 2,1 is not LOW,HIGH", "--scale 0.9,1.1"),
        ({"preset": "yosinski", "parameters": "fourier"}, "the parameters are fourier", "--clip-norm 0"),
        ({"blur": 1.0}, "the parameters are fourier", "--parameters pixels"),
        ({"magnitude_from": "photos"}, "--magnitude-from fixes a spectrum", "--preset maco"),
        ({"optimizer": "lbfgs"}, "random transformations", "--preset simonyan"),
        ({"preset": "yosinski", "optimizer": "lbfgs"}, "blurring or clipping", "--optimizer adam"),
        ({"preset": "simonyan", "pad": 8}, "--pad 8 is seen only where the image moves", "--jitter"),
        ({"blur_every": 2}, "--blur-every 2 says how often", "--blur"),
        ({"start": "nowhere.png"}, "--start nowhere.png: cannot be read", "zero, gray, noise"),
    ],
)
def test_options_that_cannot_go_together_or_do_nothing_are_refused(options, said, hint):
    model = LinearModel(np.ones((2, 3, 8, 8), np.float32))
    with pytest.raises(UsageError, match=said) as problem:
        Maximize(target=("0",), **options).pieces(model, PhotoList())
    assert hint in problem.value.next_step


def test_a_start_may_be_an_image_file(tmp_path):
    (tmp_path / "start.png").write_bytes(png_bytes(photo(8, 8)))
    check_recipe(Maximize(start=str(tmp_path / "start.png")))


def test_others_are_refused_where_there_are_none_and_left_out_where_nobody_asked():
    one, two = LinearModel(np.ones((1, 3, 8, 8))), LinearModel(np.ones((2, 3, 8, 8)))
    bare = WithoutScores(np.ones((2, 3, 8, 8)))
    for model, text, said in (
        (one, "0", "needs the scores of other classes"),
        (two, "products:0", "products:0 is no class"),
        (bare, "products:0", "products:0 is no class"),
    ):
        with pytest.raises(UsageError, match=said):
            Maximize(target=(text,), others=1.0).pieces(model, PhotoList())
        assert len(Maximize(target=(text,)).pieces(model, PhotoList())) == 1
        assert len(Maximize(target=(text,), others=0.0).pieces(model, PhotoList())) == 1
