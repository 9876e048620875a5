"""Log-odds: what evolution and ascent compare pictures by."""

import numpy as np
import pytest
import torch

from tests.fakes import LinearModel
from viz.core.errors import UsageError
from viz.techniques.attack._recognition import Recognition, log_odds_of, probability_of


def test_of_two_equal_scores_each_class_has_even_odds():
    odds = Recognition("scores", "softmax").log_odds(np.array([[3.0, 3.0]], np.float32))
    assert np.allclose(odds, 0)


def test_behind_a_softmax_they_are_the_score_less_all_others():
    odds = Recognition("scores", "softmax").log_odds(np.array([[5.0, 1.0, 2.0]], np.float32))
    assert np.isclose(odds[0, 0], 5 - np.logaddexp(1, 2))
    assert np.isclose(odds[0, 1], 1 - np.logaddexp(5, 2))


def test_they_tell_apart_pictures_whose_probability_is_rounded_to_one():
    scores = np.array([[20.0, 0], [30.0, 0]], np.float32)
    recognition = Recognition("scores", "softmax")
    assert recognition.confidences(scores)[0, 0] == recognition.confidences(scores)[1, 0] == 1
    assert recognition.log_odds(scores)[1, 0] > recognition.log_odds(scores)[0, 0] + 5


@pytest.mark.parametrize("squash", ["softmax", "sigmoid", "exp", "none"])
def test_they_belong_to_the_probabilities_that_are_reported(squash):
    scores = np.random.default_rng(0).uniform(-3, -0.1, (4, 5)).astype(np.float32)
    scores = np.exp(scores) if squash == "none" else scores
    recognition = Recognition("scores", squash)
    assert np.allclose(probability_of(recognition.log_odds(scores)), recognition.confidences(scores), atol=1e-6)


@pytest.mark.parametrize("squash", ["softmax", "sigmoid", "exp", "none"])
def test_traced_they_are_the_same(squash):
    scores = np.random.default_rng(1).uniform(0.01, 0.3, (3, 4)).astype(np.float32)
    scores = -scores if squash == "exp" else scores
    recognition, classes = Recognition("scores", squash), [2, 0, 3]
    traced = recognition.traced_log_odds(torch.from_numpy(scores)[:, :, None, None], torch.tensor(classes))
    assert np.allclose(traced.numpy(), recognition.log_odds(scores)[range(3), classes])


def test_scores_that_are_not_numbers_never_win():
    odds = Recognition("scores", "softmax").log_odds(np.array([[np.nan, 1.0]], np.float32))
    assert (odds == -np.inf).all()


def test_odds_and_probability_are_each_others_inverse():
    assert np.isclose(probability_of(np.array([log_odds_of(0.996)]))[0], 0.996)


def test_a_model_without_class_scores_is_refused():
    model = LinearModel(np.ones((2, 3, 4, 4)))
    model.scores = None
    with pytest.raises(UsageError):
        Recognition.of(model)
