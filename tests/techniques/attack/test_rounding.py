"""What is saved still fools: rounding breaks a perturbation, mending brings it back."""

import numpy as np
import pytest
import torch

from tests.techniques.attack.fooling import SIZE, gray_photos, last, linear, other_class, victim_of
from viz.core.fitting import fit_pixels
from viz.core.images import to_bytes, to_float
from viz.core.making import Watch
from viz.core.preprocess import Preprocess
from viz.techniques.attack import _rounding
from viz.techniques.attack._attack import Found, Goal, norms
from viz.techniques.attack._ball import Ball
from viz.techniques.attack._rounding import saved
from viz.techniques.attack._szegedy import szegedy


def almost_even(model, photos):
    """The bias put so that the classes are a hair apart: what is needed is far less than a level."""
    pictures = torch.from_numpy(np.stack([to_float(photo) for photo in photos]))
    scores = model.run(pictures.numpy(), ["scores"])["scores"]
    model.bias = np.array([0, scores[0, 0] - scores[0, 1] - 0.05], np.float32)
    return pictures


def classes_of(model, pictures):
    seen = np.stack([fit_pixels(picture, model.preprocess).pixels for picture in pictures])
    return model.run(seen, ["scores"])["scores"].argmax(1)


def test_a_perturbation_that_rounds_to_nothing_is_mended():
    model, photos = linear(), gray_photos(1)
    pictures = almost_even(model, photos)
    goal, victim = other_class(model, pictures), victim_of(model)
    found = last(szegedy(victim, pictures, goal, 100))
    assert found.fooled.all()
    plain = [to_bytes(picture.numpy()) for picture in found.pictures]
    assert classes_of(model, plain)[0] != goal.classes[0], "else there is nothing to mend"
    mended = saved(victim, photos, found, goal)
    assert mended.fooled == [True]
    assert classes_of(model, mended.pictures)[0] == goal.classes[0]


def test_on_the_grid_the_distance_is_near_the_least_there_is():
    model, photos = linear(), gray_photos(1)
    pictures = almost_even(model, photos)
    goal, victim = other_class(model, pictures), victim_of(model)
    mended = saved(victim, photos, last(szegedy(victim, pictures, goal, 100)), goal)
    levels = mended.pictures[0].astype(int) - photos[0].astype(int)
    # The cheapest whole numbers: one level each in the values with the largest slopes, until it is enough.
    slopes = np.sort(np.abs(model.weights[0] - model.weights[1]).ravel())[::-1].cumsum() / 255
    least = int((slopes < 0.05).sum()) + 1
    assert (levels**2).sum() <= 3 * least


def test_the_photo_behind_a_resize_is_judged_as_pillow_resizes_it():
    model, photos = linear(), gray_photos(2, size=(31, 29))
    model.preprocess = Preprocess(size=SIZE, crop=0.875)
    victim = victim_of(model, (31, 29))
    pictures = torch.from_numpy(np.stack([to_float(photo) for photo in photos]))
    seen = torch.from_numpy(np.stack([fit_pixels(photo, model.preprocess).pixels for photo in photos]))
    goal = other_class(model, seen)
    mended = saved(victim, photos, last(szegedy(victim, pictures, goal, 100)), goal)
    assert mended.fooled == [True, True]
    assert classes_of(model, mended.pictures).tolist() == goal.classes.tolist()


@pytest.mark.parametrize("ball", [Ball("linf", 3 / 255), Ball("l2", 0.3)])
def test_mending_stays_in_the_ball(ball):
    model, photos = linear(), gray_photos(2)
    pictures = torch.from_numpy(np.stack([to_float(photo) for photo in photos]))
    goal, victim = other_class(model, pictures), victim_of(model)
    # Said to fool, and does not: so it is moved as long as there are rounds, and can never leave.
    claimed = Found(pictures.clone(), torch.tensor([True, True]))
    mended = saved(victim, photos, claimed, Goal(goal.classes, goal.targeted, margin=1e6), ball)
    change = torch.from_numpy(np.stack(mended.pictures).astype(np.float32) - np.stack(photos)) / 255
    length = change.abs().flatten(1).amax(1) if ball.norm == "linf" else norms(change)
    assert (length <= ball.radius * 1.001).all()
    assert (length > ball.radius * 0.6).all()


def test_where_the_attack_failed_rounding_is_all_that_is_done():
    model, photos = linear(), gray_photos(1)
    pictures = torch.from_numpy(np.stack([to_float(photo) for photo in photos]))
    goal, victim = other_class(model, pictures), victim_of(model)
    halfway = pictures + 0.4 / 255
    halfway[:, :, 0] += 1 / 255
    mended = saved(victim, photos, Found(halfway, torch.tensor([False])), goal)
    assert mended.fooled == [False]
    np.testing.assert_array_equal(mended.pictures[0], to_bytes(halfway[0].numpy()))


def test_an_even_score_is_no_success(monkeypatch):
    model, photos = linear(), gray_photos(1)
    model.weights[1] = model.weights[0]
    pictures = torch.from_numpy(np.stack([to_float(photo) for photo in photos]))
    goal = Goal(torch.tensor([0]), torch.tensor([True]))
    model.bias = np.array([0, -1e-6], np.float32)
    found = Found(pictures, torch.tensor([True]))
    assert saved(victim_of(model), photos, found, goal).fooled == [False]
    model.bias = np.array([0, -1.0], np.float32)
    assert saved(victim_of(model), photos, found, goal).fooled == [True]


def test_ctrl_c_while_mending_gives_what_there_is(monkeypatch):
    model, photos, watch = linear(), gray_photos(1), Watch()
    pictures = torch.from_numpy(np.stack([to_float(photo) for photo in photos]))
    goal, victim = other_class(model, pictures), victim_of(model)
    found = last(szegedy(victim, pictures, goal, 100))
    advance, rounds = _rounding._Grid.advance, []

    def pressed(self, at):
        rounds.append(at)
        if len(rounds) == 6:
            raise KeyboardInterrupt
        advance(self, at)

    monkeypatch.setattr(_rounding._Grid, "advance", pressed)
    mended = saved(victim, photos, found, goal, watch=watch)
    assert watch.interrupted
    assert len(mended.pictures) == 1
