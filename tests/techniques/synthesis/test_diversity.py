"""How alike the pictures of a batch are at a layer, and what the other classes score."""

import numpy as np
import pytest
import torch

from tests.techniques.synthesis.gradient_checks import assert_gradient_is_right, noise
from viz.core.errors import UsageError
from viz.techniques.synthesis._diversity import diversity, other_classes


def by_the_formula(values):
    """Mean cosine similarity of Gram matrices, picture by picture; values (b, c, h, w)."""
    grams = [np.einsum("chw,dhw->cd", value, value).ravel() for value in values.numpy()]
    cosines = [[a @ b / np.sqrt(a @ a) / np.sqrt(b @ b) for b in grams] for a in grams]
    return [(sum(row) - row[i]) / (len(grams) - 1) for i, row in enumerate(cosines)]


@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (3, 20, 2, 3), (2, 1, 3, 3)], ids=str)
def test_diversity_is_the_mean_cosine_of_gram_matrices(shape):
    values = noise(*shape) - 0.3
    assert np.allclose(diversity(values).numpy(), by_the_formula(values), rtol=1e-12)


def test_equal_pictures_are_alike_and_pictures_of_other_channels_are_not():
    values = torch.zeros(3, 4, 2, 2)
    values[0, 0], values[1, 0], values[2, 3] = 1, 5, 2
    assert diversity(values).tolist() == pytest.approx([0.5, 0.5, 0])


def test_where_things_are_makes_no_difference():
    values = noise(1, 4, 3, 3)
    moved = values.flatten(2)[..., torch.randperm(9, generator=torch.Generator().manual_seed(0))].view(1, 4, 3, 3)
    assert torch.allclose(diversity(torch.cat([values, moved])), torch.ones(2, dtype=torch.float64))


def test_tokens_and_maps_of_the_same_values_are_compared_alike():
    values = noise(3, 4, 2, 5)
    assert torch.equal(diversity(values.flatten(2).transpose(1, 2)), diversity(values))


def test_the_gram_matrices_of_vectors_have_the_square_of_the_vectors_cosine():
    values = noise(2, 6) - 0.5
    cosine = torch.nn.functional.cosine_similarity(values[0], values[1], dim=0)
    assert torch.allclose(diversity(values), cosine**2)


@pytest.mark.parametrize("size", [1e-18, 1e-4, 1e9])
def test_how_strong_the_values_are_makes_no_difference(size):
    values = noise(3, 4, 5, 5).float()
    assert torch.allclose(diversity(size * values), diversity(values), rtol=1e-5)


@pytest.mark.parametrize("shape", [(3, 2, 2, 2), (2, 6, 1, 2), (3, 4)], ids=str)
def test_the_gradient_of_diversity_is_that_of_finite_differences(shape):
    assert_gradient_is_right(diversity, noise(*shape) - 0.4)


def test_a_layer_that_is_off_for_a_picture_gives_no_similarity_and_a_finite_gradient():
    values = noise(3, 4, 2, 2).float()
    values[1] = 0
    values.requires_grad_()
    found = diversity(values)
    (gradient,) = torch.autograd.grad(found.sum(), values)
    assert found[1] == 0
    assert gradient.isfinite().all()
    assert gradient[0].abs().max() > 0


def test_one_picture_has_no_others():
    with pytest.raises(UsageError, match="one picture") as refused:
        diversity(noise(1, 4, 2, 2))
    assert "--starts" in refused.value.next_step


def test_a_score_less_the_other_classes_is_the_log_odds_of_its_probability():
    logits, classes = 8 * noise(5, 7) - 4, torch.tensor([0, 6, 3, 3, 1])
    chance = logits.softmax(1).gather(1, classes[:, None])[:, 0]
    score = logits.gather(1, classes[:, None])[:, 0]
    assert torch.allclose(score - other_classes(logits, classes), (chance / (1 - chance)).log())


def test_the_class_itself_is_not_among_the_others_however_high_it_scores():
    logits = torch.tensor([[100.0, 1.0, 1.0]])
    assert other_classes(logits, torch.tensor([0])).item() == pytest.approx(1 + np.log(2))


def test_competing_classes_are_pushed_in_proportion_to_their_probability():
    logits = torch.tensor([[3.0, 5.0, 4.0, -9.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(other_classes(logits, torch.tensor([0])).sum(), logits)
    assert gradient[0, 0] == 0
    assert torch.allclose(gradient[0, 1:], logits.detach()[0, 1:].softmax(0))


def test_the_gradient_of_other_classes_is_that_of_finite_differences():
    assert_gradient_is_right(lambda logits: other_classes(logits, torch.tensor([2, 0])), 4 * noise(2, 5))


def test_a_model_of_one_class_has_no_others():
    with pytest.raises(UsageError, match="one class"):
        other_classes(torch.zeros(2, 1), torch.zeros(2, dtype=torch.long))
