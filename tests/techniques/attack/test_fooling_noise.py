"""Fooling images from noise: what is saved is what the model is sure of."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.fakes import LinearModel, WithoutScores
from viz.core.errors import ImageError, NotSupported, UsageError
from viz.core.images import Photo, fit, png_bytes
from viz.core.making import Picture, Watch
from viz.core.preprocess import Preprocess
from viz.core.target.classes import ranked_classes
from viz.techniques.attack._gradient_ascent import CONTRAST, ascended
from viz.techniques.attack._noise import METHODS, fooling_images, framed
from viz.techniques.attack._recognition import log_odds_of

SIZE = (8, 10)


def linear(squash="softmax", strength=1.0, seed=0) -> LinearModel:
    weights = np.random.default_rng(seed).normal(0, strength, (4, 3, *SIZE))
    return LinearModel(weights, names=["a", "b", "c", "d"], squash=squash)


class ForwardOnly(LinearModel):
    def trace(self, images, layers, rule="plain"):
        raise NotSupported("a fake without gradients", "viz occlusion")


def read_back(picture: Picture, model) -> np.ndarray:
    """The probabilities that the saved file gets, read and fitted as any photo."""
    pixels = np.asarray(Image.open(io.BytesIO(png_bytes(picture.pixels))).convert("RGB"))
    seen = fit(Photo(pixels, ""), model.preprocess).pixels
    return ranked_classes(model, seen[None])[1][0]


@pytest.mark.parametrize("method", METHODS)
def test_the_saved_file_is_recognised_as_surely_as_was_asked_for(method):
    model = linear()
    pictures = fooling_images(model, range(4), method, 0.996, 800)
    for index, picture in enumerate(pictures):
        assert picture.numbers["success"] == 1
        assert picture.warnings == ()
        assert np.isclose(read_back(picture, model)[index], picture.numbers["confidence"])
        assert read_back(picture, model)[index] >= 0.996
        assert picture.target.class_index == index


@pytest.mark.parametrize("squash", ["none", "sigmoid"])
def test_it_is_the_probability_that_viz_reports_whatever_the_model_ends_in(squash):
    model = linear(squash)
    (picture,) = fooling_images(model, [2], "gradient", 0.9, 200)
    assert read_back(picture, model)[2] >= 0.9


@pytest.mark.parametrize(
    "preprocess",
    [
        Preprocess(SIZE, crop=0.8),
        Preprocess(SIZE, crop="center", resize_short=13),
        Preprocess(SIZE, crop="center", interpolation="bicubic"),
    ],
)
def test_what_preprocessing_cuts_off_is_there_in_the_file_and_does_not_matter(preprocess):
    model = linear()
    model.preprocess = preprocess
    (picture,) = fooling_images(model, [1], "gradient", 0.996, 200)
    assert picture.numbers["success"] == 1
    assert read_back(picture, model)[1] >= 0.996
    assert picture.image.shape == (3, *picture.pixels.shape[:2])
    assert np.abs(picture.image * 255 - np.moveaxis(picture.pixels, 2, 0)).max() <= 0.5 + 1e-3


def test_the_border_that_is_cut_off_mirrors_the_inside():
    inside = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    whole = framed(inside, Preprocess((4, 5), crop="center", resize_short=9))
    assert whole.shape == (9, 9, 3)
    assert (whole[2:6, 2:7] == inside).all()
    assert (whole[1, 2:7] == inside[0]).all()
    assert (whole[0, 2:7] == inside[1]).all()
    assert (whole[2:6, 7] == inside[:, -1]).all()


def test_a_class_that_does_not_get_there_says_how_far_it_came_and_what_to_try():
    (picture,) = fooling_images(linear(strength=0.01), [0], "gradient", 0.996, 5)
    assert picture.numbers["success"] == 0
    assert picture.numbers["steps"] == 5
    assert 0.2 < picture.numbers["confidence"] < 0.5
    (warning,) = picture.warnings
    assert "99.60%" in warning
    assert f"{picture.numbers['confidence']:.2%}" in warning
    assert "--steps" in warning


def test_evolution_that_does_not_get_there_says_so_too():
    (picture,) = fooling_images(linear(strength=0.01), [0], "direct", 0.996, 3)
    assert (picture.numbers["success"], picture.numbers["generations"], picture.numbers["evaluations"]) == (0, 3, 192)
    assert "--generations" in picture.warnings[0]


def test_the_best_picture_on_the_way_is_what_is_given():
    (picture,) = fooling_images(linear(strength=0.05), [3], "gradient", 0.9999, 30)
    assert np.isclose(picture.numbers["confidence"], picture.arrays["curve"].max(), atol=1e-5)


def test_ascent_goes_up_and_stops_once_it_is_sure():
    (picture,) = fooling_images(linear(), [0], "gradient", 0.996, 200)
    curve = picture.arrays["curve"]
    assert (np.diff(curve) > -1e-4).all()
    assert curve[-1] >= 0.996
    assert (curve[:-1] < 0.9964).all()
    assert len(curve) == picture.numbers["steps"] < 200


def test_a_picture_of_a_model_that_is_easily_sure_still_looks_like_the_noise_that_it_was():
    model = LinearModel(np.random.default_rng(0).normal(0, 1, (4, 3, 32, 32)), squash="softmax")
    (picture,) = fooling_images(model, [1], "gradient", 0.996, 200)
    assert np.isclose(picture.image.std(), CONTRAST, rtol=0.2)


def test_where_nothing_moves_ascent_starts_again_from_other_noise():
    class Flat(LinearModel):
        """A plateau below a brightness that only strong noise has somewhere."""

        def trace(self, images, layers, rule="plain"):
            return super().trace((images - 0.95).clamp_min(0), layers, rule)

        def run(self, images, layers):
            return super().run(np.maximum(images - np.float32(0.95), 0), layers)

    model = Flat(np.random.default_rng(0).normal(3, 20, (3, 3, *SIZE)), squash="softmax")
    (found,) = ascended(model, [1], log_odds_of(0.996), 400, 0, Watch())
    assert found.steps > 60
    assert found.curve[-1] >= 0.996
    (short,) = ascended(model, [1], log_odds_of(0.996), 60, 0, Watch())
    assert short.curve[-1] < 0.5


def test_classes_are_made_the_same_alone_and_together():
    model = linear()
    (alone,) = fooling_images(model, [2], "gradient", 0.996, 200)
    together = fooling_images(model, [0, 2, 3], "gradient", 0.996, 200)[1]
    assert np.abs(alone.pixels.astype(int) - together.pixels).max() <= 1


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_bytes(method):
    def bytes_of(seed):
        return [one.pixels.tobytes() for one in fooling_images(linear(), [0, 1], method, 0.99, 6, seed)]

    assert bytes_of(5) == bytes_of(5)
    assert bytes_of(5) != bytes_of(6)


@pytest.mark.parametrize("method", ["direct", "cppn"])
def test_evolution_needs_no_gradient(method):
    model = ForwardOnly(linear().weights, squash="softmax")
    assert all(one.numbers["success"] for one in fooling_images(model, range(4), method, 0.99, 500))


def test_ascent_on_a_model_without_gradient_names_the_encodings_that_need_none():
    with pytest.raises(NotSupported) as refused:
        fooling_images(ForwardOnly(linear().weights, squash="softmax"), [0], "gradient", 0.99, 5)
    assert "--encoding cppn" in refused.value.next_step


@pytest.mark.parametrize("method", ["gradient", "cppn"])
def test_as_many_frames_as_the_watch_wants_end_with_what_is_saved(method):
    watch = Watch()
    watch.frames = 3
    model = linear(strength=0.02)
    model.preprocess = Preprocess(SIZE, crop=0.8)
    (picture,) = fooling_images(model, [0], method, 0.996, 20, 0, watch)
    assert len(picture.frames) == 3
    assert (picture.frames[-1] == picture.pixels).all()
    assert (picture.frames[0] != picture.pixels).any()
    assert all(frame.shape == picture.pixels.shape for frame in picture.frames)


def test_ctrl_c_gives_the_best_so_far():
    class Impatient(Watch):
        def step(self, done, value):
            if done == 4:
                raise KeyboardInterrupt

    watch = Impatient()
    (picture,) = fooling_images(linear(strength=0.01), [0], "gradient", 0.996, 100, 0, watch)
    assert watch.interrupted
    assert picture.numbers["steps"] == 4
    assert picture.numbers["success"] == 0


@pytest.mark.parametrize("method", METHODS)
def test_a_model_whose_scores_are_not_numbers_has_no_picture(method):
    model = linear()
    model.bias = np.full(4, np.nan, np.float32)
    (found,) = fooling_images(model, [0], method, 0.99, 3)
    assert isinstance(found, ImageError)


def test_what_cannot_be_asked_for_is_refused():
    for confidence in (0, 1, 1.5):
        with pytest.raises(UsageError, match="confidence"):
            fooling_images(linear(), [0], "gradient", confidence, 5)
    with pytest.raises(UsageError, match="sideways"):
        fooling_images(linear(), [0], "sideways", 0.9, 5)
    with pytest.raises(UsageError):
        fooling_images(linear(), [4], "gradient", 0.9, 5)
    with pytest.raises(UsageError):
        fooling_images(WithoutScores(linear().weights), [0], "cppn", 0.9, 5)
