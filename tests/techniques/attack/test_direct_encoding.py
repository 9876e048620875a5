"""Pictures whose every value is a gene."""

import numpy as np
import pytest

from viz.techniques.attack._direct_encoding import DirectEncoding, polynomial_steps

SIZE = (40, 50)


def child_of(encoding, parent, generation=0, seed=0):
    return encoding.mutated([parent], generation, np.random.default_rng(seed))[0]


def gray() -> np.ndarray:
    return np.full((3, *SIZE), 127.5, np.float32)


def test_the_first_are_uniform_noise_over_all_values():
    genes = np.stack(DirectEncoding(SIZE).first(4, np.random.default_rng(0)))
    assert genes.shape == (4, 3, *SIZE)
    histogram = np.histogram(genes, bins=5, range=(0, 255))[0] / genes.size
    assert np.allclose(histogram, 0.2, atol=0.02)


def test_a_tenth_of_the_genes_change_at_first():
    assert np.isclose((child_of(DirectEncoding(SIZE), gray()) != gray()).mean(), 0.1, atol=0.015)


@pytest.mark.parametrize(("generation", "rate"), [(0, 0.1), (999, 0.1), (1000, 0.05), (2500, 0.025)])
def test_the_rate_is_halved_every_thousand_generations(generation, rate):
    encoding = DirectEncoding(SIZE)
    assert np.isclose(encoding.rate_at(generation), rate)
    assert np.isclose((child_of(encoding, gray(), generation) != gray()).mean(), rate, rtol=0.2)


def test_steps_of_polynomial_mutation_are_symmetric_and_as_large_as_their_strength_says():
    steps = polynomial_steps(200_000, 15, np.random.default_rng(0))
    assert abs(steps.mean()) < 1e-3
    assert np.isclose(np.abs(steps).mean(), 1 / 17, rtol=0.02)
    assert np.abs(steps).max() < 1
    # P(|step| > s) = (1 - s) ** (strength + 1)
    assert np.isclose((np.abs(steps) > 0.1).mean(), 0.9**16, rtol=0.02)


def test_genes_stay_within_what_a_pixel_can_be_and_parents_as_they_were():
    encoding, white = DirectEncoding(SIZE), np.full((3, *SIZE), 255, np.float32)
    child = child_of(encoding, white)
    assert child.max() == 255
    assert child.min() < 255
    assert (white == 255).all()


def test_the_picture_is_the_genes():
    encoding = DirectEncoding((1, 2))
    genes = np.array([0, 255, 51, 102, 153, 204], np.float32).reshape(3, 1, 2)
    assert np.allclose(encoding.drawn([genes])[0].ravel(), [0, 1, 0.2, 0.4, 0.6, 0.8])
    assert encoding.drawn([genes]).dtype == np.float32


def test_the_same_seed_gives_the_same_child():
    encoding = DirectEncoding(SIZE)
    assert (child_of(encoding, gray(), seed=3) == child_of(encoding, gray(), seed=3)).all()
    assert (child_of(encoding, gray(), seed=3) != child_of(encoding, gray(), seed=4)).any()
