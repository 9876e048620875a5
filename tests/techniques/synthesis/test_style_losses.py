"""Content and style as distances: the paper's equations, written out slowly."""

import numpy as np
import pytest
import torch

from tests.fakes import TensorModel
from tests.techniques.synthesis.gradient_checks import assert_gradient_is_right
from viz.core.images import to_bytes, to_float
from viz.core.readings import Constant
from viz.core.target import Term
from viz.techniques.synthesis._style_losses import ContentDistance, StyleDistance, gram_matrix
from viz.techniques.synthesis._style_terms import StyleTerms, content_terms, style_terms

RNG = np.random.default_rng(6)
GIVEN = RNG.normal(size=(2, 4, 3, 5)).astype(np.float32)  # F: 4 filters, 15 positions
WANTED = RNG.normal(size=(1, 4, 3, 5)).astype(np.float32)
TOKENS = RNG.normal(size=(2, 6, 4)).astype(np.float32)


def slow_gram(features: np.ndarray) -> np.ndarray:
    """Eq. 3: G_ij = sum over k of F_ik F_jk, of features (filters, positions)."""
    filters, positions = features.shape
    gram = np.zeros((filters, filters))
    for i in range(filters):
        for j in range(filters):
            for k in range(positions):
                gram[i, j] += float(features[i, k]) * float(features[j, k])
    return gram


def read(reading, values):
    return reading.read({"layer": torch.from_numpy(values)}).numpy()


def test_the_gram_matrix_is_that_of_the_paper_over_the_number_of_positions():
    for found, values in zip(gram_matrix(torch.from_numpy(GIVEN)), GIVEN, strict=True):
        np.testing.assert_allclose(found, slow_gram(values.reshape(4, 15)) / 15, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(gram_matrix(GIVEN), gram_matrix(torch.from_numpy(GIVEN)), rtol=1e-5, atol=1e-6)


def test_tokens_are_positions():
    for found, values in zip(gram_matrix(torch.from_numpy(TOKENS)), TOKENS, strict=True):
        np.testing.assert_allclose(found, slow_gram(values.T) / 6, rtol=1e-4, atol=1e-6)


def test_the_gram_matrix_does_not_know_where_things_are_and_hardly_how_many():
    moved = GIVEN.reshape(2, 4, 15)[:, :, RNG.permutation(15)].reshape(2, 4, 3, 5)
    np.testing.assert_allclose(gram_matrix(moved), gram_matrix(GIVEN), atol=1e-5)
    np.testing.assert_allclose(gram_matrix(np.concatenate([GIVEN, GIVEN], axis=2)), gram_matrix(GIVEN), atol=1e-5)


def test_the_papers_content_loss_is_half_the_sum_of_squares():
    expected = []
    for values in GIVEN:
        expected.append(
            sum((float(f) - float(p)) ** 2 for f, p in zip(values.ravel(), WANTED.ravel(), strict=True)) / 2
        )
    found = read(ContentDistance("layer", Constant.of(WANTED), paper=True), GIVEN)
    np.testing.assert_allclose(-found, expected, rtol=1e-5)  # eq. 1


def test_the_papers_style_loss_is_that_of_equation_4():
    wanted = slow_gram(WANTED.reshape(4, 15))
    expected = [((slow_gram(one.reshape(4, 15)) - wanted) ** 2).sum() / (4 * 4**2 * 15**2) for one in GIVEN]
    found = read(StyleDistance("layer", Constant.of(gram_matrix(WANTED)[0]), paper=True), GIVEN)
    np.testing.assert_allclose(-found, expected, rtol=1e-4)


def test_relative_distances_are_shares_of_the_wanted_size():
    content = read(ContentDistance("layer", Constant.of(WANTED)), GIVEN)
    np.testing.assert_allclose(-content, [((one - WANTED) ** 2).sum() / (WANTED**2).sum() for one in GIVEN], rtol=1e-5)
    wanted = gram_matrix(WANTED)[0]
    style = read(StyleDistance("layer", Constant.of(wanted)), GIVEN)
    expected = [((gram_matrix(one[None])[0] - wanted) ** 2).sum() / (wanted**2).sum() for one in GIVEN]
    np.testing.assert_allclose(-style, expected, rtol=1e-5)


@pytest.mark.parametrize("paper", [True, False])
def test_the_distance_to_itself_is_nothing_and_of_a_layer_of_zeros_one(paper):
    content = ContentDistance("layer", Constant.of(WANTED), paper)
    style = StyleDistance("layer", Constant.of(gram_matrix(WANTED)[0]), paper)
    for reading in (content, style):
        assert read(reading, WANTED)[0] == pytest.approx(0, abs=1e-10)
        if not paper:
            assert read(reading, np.zeros_like(WANTED))[0] == pytest.approx(-1)


@pytest.mark.parametrize("paper", [True, False])
def test_gradients_are_those_of_finite_differences(paper):
    content = ContentDistance("layer", Constant.of(WANTED), paper)
    style = StyleDistance("layer", Constant.of(gram_matrix(WANTED)[0]), paper)
    for reading in (content, style):
        assert_gradient_is_right(lambda x, reading=reading: reading.read({"layer": x}), torch.from_numpy(GIVEN))


def test_the_papers_gradients_are_those_of_equations_2_and_6():
    layer = torch.from_numpy(WANTED[:1] + 0.5).requires_grad_()
    (-ContentDistance("layer", Constant.of(WANTED), paper=True).read({"layer": layer}).sum()).backward()
    np.testing.assert_allclose(layer.grad, np.full_like(WANTED, 0.5), rtol=1e-5)  # (F - P)
    layer = torch.from_numpy(GIVEN[:1]).requires_grad_()
    reading = StyleDistance("layer", Constant.of(gram_matrix(WANTED)[0]), paper=True)
    (-reading.read({"layer": layer}).sum()).backward()
    features = GIVEN[0].reshape(4, 15)
    difference = slow_gram(features) - slow_gram(WANTED.reshape(4, 15))
    np.testing.assert_allclose(layer.grad.reshape(4, 15), difference @ features / (4**2 * 15**2), rtol=1e-3, atol=1e-6)


MODEL = TensorModel({"a": lambda x: x * 2, "b": lambda x: x[:, :, ::2, ::2] - 1}, (6, 8))
CONTENT, ONE, OTHER = (to_float(to_bytes(RNG.random((3, 6, 8), np.float32))) for _ in range(3))


def test_terms_have_their_weights_and_their_split_sums_to_the_loss():
    terms = StyleTerms(
        {
            **content_terms(MODEL, CONTENT, ["a", "b"], 3.0, False),
            **style_terms(MODEL, [ONE], [1.0], {"a": 0.75, "b": 0.25}, 8.0, False),
        }
    )
    assert [term.weight for term in terms.terms.values()] == [1.5, 1.5, 6.0, 2.0]
    split = terms.split(MODEL, OTHER)
    assert list(split) == ["content a", "content b", "style a", "style b"]
    values = {name: torch.from_numpy(v) for name, v in MODEL.run(OTHER[None], ["a", "b"]).items()}
    assert sum(split.values()) == pytest.approx(-float(terms.target.read(values)[0]), rel=1e-5)
    assert split["content a"] == pytest.approx(1.5 * ((OTHER - CONTENT) ** 2).sum() / (CONTENT**2).sum(), rel=1e-4)
    assert list(terms.split(MODEL, CONTENT).values())[:2] == [0, 0]
    assert list(terms.split(MODEL, ONE).values())[2:] == pytest.approx([0, 0], abs=1e-8)


def test_several_styles_are_mixed_by_their_shares():
    terms = style_terms(MODEL, [ONE, OTHER], [3.0, 1.0], {"a": 1.0}, 1.0, True)
    term: Term = terms["style a"]
    grams = [slow_gram(2 * one.reshape(3, 48)) / 48 for one in (ONE, OTHER)]
    expected = 0.75 * grams[0] + 0.25 * grams[1]
    np.testing.assert_allclose(term.reading.gram.like(np.zeros(0)), expected, rtol=1e-4)
