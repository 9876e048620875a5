"""Where an optimization begins: the model's own zero, gray, noise, images; and upkeep that holds to the same zero."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.fakes import LinearModel
from tests.techniques.synthesis.making import photo
from viz.core.errors import UsageError
from viz.core.images import png_bytes
from viz.core.preprocess import Preprocess
from viz.techniques.synthesis._recipes import Recipe
from viz.techniques.synthesis._starts import check_start, models_zero, parameters_for
from viz.techniques.synthesis._upkeep import penalties, upkeep
from viz.techniques.synthesis.maximize import Maximize

SIZE = (6, 8)
IMAGENET = Preprocess(SIZE, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
PREPROCESSES = {
    "plain": Preprocess(SIZE),
    "imagenet": IMAGENET,
    "bgr of caffe": Preprocess(SIZE, channels="bgr", range=(0, 255), mean=(103.939, 116.779, 123.68)),
    "nhwc from -1 to 1": Preprocess(SIZE, layout="nhwc", range=(-1, 1)),
    "gray": Preprocess(SIZE, channels="gray", mean=(0.13,), std=(0.31,)),
    "rgba": Preprocess(SIZE, channels="rgba"),
}


def model_of(preprocess: Preprocess) -> LinearModel:
    model = LinearModel(np.ones((2, 3, *SIZE)))
    model.preprocess = preprocess
    return model


def pictures(recipe: Recipe, model: LinearModel, count: int = 2, size=SIZE, **options) -> np.ndarray:
    asked = Maximize(target=("0",), **options)
    return parameters_for(asked, recipe, model, count, size).pictures().detach().numpy()


@pytest.mark.parametrize("name", PREPROCESSES)
def test_zero_is_the_colour_that_the_models_input_has_as_zero(name):
    preprocess = PREPROCESSES[name]
    colour = np.array(models_zero(preprocess), np.float32)
    encoded = preprocess.encode(np.broadcast_to(colour[None, :, None, None], (1, 3, *SIZE)))
    colours = encoded[:, :3] if name == "rgba" else encoded  # the fourth channel says that the image is opaque
    np.testing.assert_allclose(colours, 0, atol=1e-4 * preprocess.range[1])


def test_known_zeros():
    assert models_zero(IMAGENET) == pytest.approx((0.485, 0.456, 0.406), abs=1e-6)
    caffe = models_zero(PREPROCESSES["bgr of caffe"])
    assert caffe == pytest.approx((123.68 / 255, 116.779 / 255, 103.939 / 255), abs=1e-6)
    assert models_zero(PREPROCESSES["gray"]) == pytest.approx((0.13,) * 3, abs=1e-6)


def test_a_zero_out_of_reach_is_the_nearest_colour():
    assert models_zero(Preprocess(SIZE, range=(1, 2))) == (0, 0, 0)


@pytest.mark.parametrize("name", PREPROCESSES)
@pytest.mark.parametrize("parameters", ["pixels", "sigmoid", "fourier"])
def test_zero_and_gray_are_flat_images_in_any_parameters(name, parameters):
    model = model_of(PREPROCESSES[name])
    zero = pictures(Recipe(parameters=parameters, start="zero"), model)
    expected = np.clip(models_zero(model.preprocess), *((0, 1) if parameters == "pixels" else (0.01, 0.99)))
    np.testing.assert_allclose(zero, np.broadcast_to(expected[None, :, None, None], zero.shape), atol=1e-5)
    gray = pictures(Recipe(parameters=parameters, start="gray"), model)
    np.testing.assert_allclose(gray, 0.5, atol=1e-5)


@pytest.mark.parametrize("parameters", ["pixels", "sigmoid", "fourier", "phase"])
def test_noise_is_each_images_own_whatever_else_is_made_and_its_seeds(parameters):
    model, recipe = model_of(IMAGENET), Recipe(parameters=parameters, start="noise")
    two, three = pictures(recipe, model, 2), pictures(recipe, model, 3)
    np.testing.assert_array_equal(two, three[:2])
    assert len({image.tobytes() for image in three}) == 3
    assert pictures(recipe, model, 2).tobytes() == two.tobytes()
    assert pictures(recipe, model, 2, seed=1).tobytes() != two.tobytes()


@pytest.mark.parametrize("parameters", ["pixels", "sigmoid", "fourier"])
def test_an_image_is_its_middle_at_the_size_that_is_made(parameters, tmp_path):
    given = np.zeros((20, 60, 3), np.uint8)
    given[:, 15:45] = photo(20, 30)
    (tmp_path / "given.png").write_bytes(png_bytes(given))
    recipe = Recipe(parameters=parameters, start=str(tmp_path / "given.png"))
    found = pictures(recipe, model_of(IMAGENET), 2, size=(20, 30))
    expected = np.clip(given[:, 15:45].transpose(2, 0, 1) / 255, 0.01 * (parameters != "pixels"), 0.99)
    np.testing.assert_allclose(found[0], expected, atol=0.011)
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("parameters", ["pixels", "sigmoid", "fourier", "phase"])
@pytest.mark.parametrize(
    ("channels", "colours", "gray"), [("gray", "auto", True), ("gray", "rgb", False), ("rgb", "gray", True)]
)
def test_images_are_gray_where_that_is_all_that_the_model_sees_or_asked_for(parameters, channels, colours, gray):
    preprocess = PREPROCESSES["gray"] if channels == "gray" else IMAGENET
    found = pictures(Recipe(parameters=parameters, start="noise"), model_of(preprocess), colours=colours)
    assert np.array_equal(found[:, 0], found[:, 1]) == np.array_equal(found[:, 0], found[:, 2]) == gray


def test_the_magnitudes_of_given_images_are_used(tmp_path):
    (tmp_path / "a.png").write_bytes(png_bytes(photo(300, 300)))
    recipe, model = Recipe(parameters="phase"), model_of(IMAGENET)
    natural = pictures(recipe, model)
    assert not np.array_equal(pictures(recipe, model, magnitude_from=str(tmp_path)), natural)


def test_a_start_that_is_no_image_is_refused_by_name(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    for kind in ("zero", "gray", "noise"):
        check_start(kind)
    with pytest.raises(UsageError, match=r"--start .*a\.png: "):
        check_start(str(tmp_path / "a.png"))


def test_decay_is_towards_the_models_zero_and_the_penalties_have_their_weights():
    model = model_of(IMAGENET)
    zero = torch.tensor(models_zero(IMAGENET)).view(1, 3, 1, 1).expand(1, 3, *SIZE)
    (decay,) = penalties(Recipe(decay=7.0), model)
    assert decay(zero).item() == pytest.approx(0, abs=1e-9)
    assert decay(zero + 0.1).item() == pytest.approx(0.07, rel=1e-4)
    (alpha,) = penalties(Recipe(alpha_norm=2.0), model)
    assert alpha(torch.full((1, 3, *SIZE), 1.0)).item() == pytest.approx(2 * 0.5**6, rel=1e-4)
    (variation,) = penalties(Recipe(total_variation=3.0), model)
    assert variation(zero).item() == pytest.approx(0, abs=1e-9)
    assert variation(torch.rand(1, 3, *SIZE)).item() > 0
    assert penalties(Recipe(), model) == []


@pytest.mark.parametrize("name", ["imagenet", "gray"])
def test_pixels_that_are_pruned_become_the_models_zero(name):
    """For a gray model there is one plane, and a colour of three would not go into it."""
    model = model_of(PREPROCESSES[name])
    recipe = Recipe(parameters="pixels", start="noise", clip_norm=0.25, clip_contribution=0.25, blur_every=2)
    parameters = parameters_for(Maximize(target=("0",)), recipe, model, 1, SIZE)
    before = parameters.pictures().detach().clone()
    (keep,) = upkeep(recipe, parameters, model)
    gradient = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    keep(gradient, 1)
    assert torch.equal(parameters.pictures(), before)
    keep(gradient, 2)
    after = parameters.pictures().detach()
    changed = (after != before).any(1)
    assert 12 <= int(changed.sum()) <= 24
    zero = torch.tensor(models_zero(model.preprocess), dtype=torch.float32).view(3, 1)
    np.testing.assert_allclose(after[:, :, changed[0]][0], zero.expand(3, int(changed.sum())), atol=1e-6)


def test_a_blur_leaves_less_variation_and_is_done_every_so_many_steps():
    model = model_of(IMAGENET)
    recipe = Recipe(parameters="pixels", start="noise", blur=1.0, blur_every=3)
    parameters = parameters_for(Maximize(target=("0",)), recipe, model, 1, SIZE)
    (keep,) = upkeep(recipe, parameters, model)
    spread = []
    for done in range(1, 7):
        keep(torch.zeros(1, 3, *SIZE), done)
        spread.append(float(parameters.pictures().detach().std()))
    assert spread[0] == spread[1] > spread[2] == spread[3] == spread[4] > spread[5]
    assert upkeep(replace(recipe, blur=0.0), parameters, model) == []
