"""The loop of all techniques that optimize an image: known answers, chance, interruption, what is kept."""

import numpy as np
import pytest
import torch

from tests.fakes import LinearModel
from viz.core.batching import BatchedAdapter
from viz.core.making import Watch
from viz.core.target import class_target
from viz.techniques.synthesis._objective import Objective
from viz.techniques.synthesis._optimization import Optimization, optimize
from viz.techniques.synthesis._pixels import Pixels

SIZE = (6, 5)


class Free:
    """The simplest parameters: pixels without any bounds."""

    def __init__(self, count: int, value: float = 0.5) -> None:
        self._pixels = torch.full((count, 3, *SIZE), value, requires_grad=True)
        self.tensors = [self._pixels]

    def pictures(self) -> torch.Tensor:
        return self._pixels * 1.0

    def after_step(self) -> None:
        pass


def linear(classes: int = 3) -> LinearModel:
    return LinearModel(np.random.default_rng(0).normal(size=(classes, 3, *SIZE)).astype(np.float32) * 0.05)


def decay(pictures: torch.Tensor) -> torch.Tensor:
    return ((pictures - 0.5) ** 2).flatten(1).sum(1)


def plan(model, classes=(0,), **changes):
    objective = Objective(model, tuple(class_target(model, index) for index in classes))
    settings = {
        "objective": objective,
        "parameters": Free(len(classes)),
        "view": lambda pictures, generator: pictures,
        "steps": 60,
        "method": "adam",
        "learning_rate": 0.01,
    }
    return Optimization(**{**settings, **changes})


@pytest.mark.parametrize(("method", "rate"), [("adam", 0.01), ("nadam", 0.01), ("lbfgs", 1.0), ("ascent", 0.005)])
def test_a_linear_unit_is_maximized_under_a_penalty_on_the_square_by_its_own_weights(method, rate):
    model = linear()
    found = optimize(
        plan(
            model,
            (0, 2),
            method=method,
            learning_rate=rate,
            steps=400,
            penalties=[decay],
            rates=lambda share: max(1 - share, 0.001),
        ),
        Watch(),
    )
    for picture, weights in zip(found.pictures, model.weights[[0, 2]], strict=True):
        np.testing.assert_allclose(picture - 0.5, weights / 2, atol=2e-3)  # the stationary point of w.x - |x|^2
        direction = (picture - 0.5) / np.linalg.norm(picture - 0.5)
        cosine = float((direction * weights / np.linalg.norm(weights)).sum())
        assert cosine > 1 - 1e-3


def test_the_unit_vector_of_the_weights_is_reached_to_a_thousandth():
    model = linear()
    found = optimize(plan(model, method="lbfgs", learning_rate=1.0, steps=30, penalties=[decay]), Watch())
    step = found.pictures[0] - 0.5
    weights = model.weights[0]
    np.testing.assert_allclose(step / np.linalg.norm(step), weights / np.linalg.norm(weights), atol=1e-3)


def test_pictures_of_a_batch_are_optimized_as_if_alone_whatever_the_model_takes_at_once():
    model = linear()
    together = optimize(plan(model, (0, 1, 2), method="ascent"), Watch()).pictures
    split = optimize(plan(BatchedAdapter(model, 2), (0, 1, 2), method="ascent"), Watch()).pictures
    alone = np.concatenate([optimize(plan(model, (i,), method="ascent"), Watch()).pictures for i in range(3)])
    np.testing.assert_array_equal(together, split)
    np.testing.assert_allclose(together, alone, atol=1e-6)


def noisy_view(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return pictures + 0.3 * torch.randn(pictures.shape, generator=generator)


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not():
    model = linear()
    squared = lambda values, start, stop: (values["scores"] ** 2).sum(1)  # noqa: E731  # so that the view matters
    objective = Objective(model, (class_target(model, 0),), squared, ("scores",))
    first, again, other = (
        optimize(plan(model, objective=objective, view=noisy_view, seed=seed), Watch()).pictures for seed in (1, 1, 2)
    )
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_a_line_search_sees_one_draw_within_a_step_and_each_step_another_one():
    draws: list[float] = []

    def view(pictures, generator):
        draws.append(float(torch.rand((), generator=generator)))
        return pictures

    optimize(plan(linear(), view=view, method="lbfgs", steps=5, penalties=[decay]), Watch())
    assert len(draws) > len(set(draws)) == 5


def test_the_curve_holds_each_pictures_objective_before_each_step():
    model = linear()
    found = optimize(plan(model, (0, 1), steps=7, method="lbfgs", penalties=[decay]), Watch())
    assert found.curve.shape == found.losses.shape == (7, 2)
    start = model.weights[:2].reshape(2, -1).sum(1) * 0.5
    np.testing.assert_allclose(found.curve[0], start, rtol=1e-4)
    np.testing.assert_allclose(found.losses[0], -start, rtol=1e-4)  # no penalty at gray
    assert (found.curve[-1] > found.curve[0]).all()


class Impatient(Watch):
    """Presses Ctrl-C after some steps."""

    def __init__(self, after: int) -> None:
        self.after, self.heard = after, []

    def step(self, done: int, value: float) -> None:
        self.heard.append(value)
        if done == self.after:
            raise KeyboardInterrupt


def test_ctrl_c_gives_what_there_is_and_says_so():
    watch = Impatient(4)
    found = optimize(plan(linear(), method="ascent", learning_rate=0.01), watch)
    assert watch.interrupted
    assert len(found.curve) == 4
    whole = optimize(plan(linear(), method="ascent", learning_rate=0.01, steps=4), Watch())
    np.testing.assert_array_equal(found.pictures, whole.pictures)


def test_the_best_pictures_are_kept_where_that_is_asked_for():
    model = linear()
    wild = plan(model, (0, 1), method="ascent", learning_rate=0.5, steps=21, penalties=[decay])
    last = optimize(wild, Watch())
    best = optimize(plan(model, (0, 1), **{**wild.__dict__, "parameters": Free(2), "keep_best": True}), Watch())

    def losses(pictures):
        own = (model.weights[:2] * pictures).reshape(2, -1).sum(1)
        return decay(torch.from_numpy(pictures)).numpy() - own

    assert (losses(best.pictures) < losses(last.pictures)).all()
    np.testing.assert_allclose(losses(best.pictures), last.losses.min(axis=0), rtol=1e-3, atol=1e-4)


def test_what_a_line_search_tries_outside_the_box_is_not_kept():
    pixels = Pixels(torch.full((1, 3, *SIZE), 0.9))
    found = optimize(plan(linear(), parameters=pixels, method="lbfgs", learning_rate=1.0, keep_best=True), Watch())
    assert found.pictures.min() >= 0 and found.pictures.max() <= 1
    np.testing.assert_array_equal(found.pictures[0], (linear().weights[0] > 0).astype(np.float32))


def test_frames_are_kept_at_equal_steps_and_the_last_is_the_result():
    watch = Watch()
    watch.frames = 4
    found = optimize(plan(linear(), (0, 1), steps=10), watch)
    assert [len(frames) for frames in found.frames] == [5, 5]  # the start, three on the way, the end
    np.testing.assert_array_equal(found.frames[1][0], np.full((*SIZE, 3), 128))
    expected = np.rint(np.clip(found.pictures[1], 0, 1) * 255).transpose(1, 2, 0)
    np.testing.assert_array_equal(found.frames[1][-1], expected)


def test_a_picture_that_no_gradient_ever_reached_is_told_apart():
    weights = np.zeros((2, 3, *SIZE), np.float32)
    weights[1] = 0.1
    found = optimize(plan(LinearModel(weights), (0, 1), method="ascent"), Watch())
    assert found.still == (True, False)
    np.testing.assert_array_equal(found.pictures[0], np.full((3, *SIZE), 0.5, np.float32))


def test_upkeep_gets_the_objectives_gradient_at_the_pictures_after_each_step():
    model, seen = linear(), []
    optimize(plan(model, steps=3, upkeep=[lambda gradient, done: seen.append((done, gradient.clone()))]), Watch())
    assert [done for done, _ in seen] == [1, 2, 3]
    np.testing.assert_allclose(seen[0][1][0], -model.weights[0], rtol=1e-5)  # of the loss, which is driven down


def test_upkeep_does_not_see_the_gradient_of_penalties_and_the_steps_do():
    """What a pixel contributes to the objective is what it is kept for (Yosinski et al. 2015)."""
    model, seen = linear(), []
    keep = [lambda gradient, done: seen.append(gradient.clone())]
    settings = {"steps": 2, "method": "lbfgs", "learning_rate": 1.0, "penalties": [decay]}
    with_upkeep = optimize(plan(model, **settings, upkeep=keep), Watch())
    for gradient in seen:
        np.testing.assert_allclose(gradient[0], -model.weights[0], rtol=1e-5)
    np.testing.assert_allclose(with_upkeep.pictures, optimize(plan(model, **settings), Watch()).pictures, atol=1e-6)


def test_memory_stays_flat_over_two_thousand_steps():
    import gc
    import tracemalloc

    model = linear()
    optimize(plan(model, steps=5), Watch())
    gc.collect()
    tensors = sum(isinstance(one, torch.Tensor) for one in gc.get_objects())
    tracemalloc.start()
    try:
        optimize(plan(model, steps=2000), Watch())
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000
    assert sum(isinstance(one, torch.Tensor) for one in gc.get_objects()) <= tensors + 2


def test_memory_stays_flat_over_fifty_calls():
    import gc

    def tensors() -> int:
        gc.collect()
        return sum(type(one) is torch.Tensor for one in gc.get_objects())

    model = linear()
    optimize(plan(model, (0, 1), steps=3), Watch())
    before = tensors()
    for _ in range(50):
        optimize(plan(model, (0, 1), steps=3, method="lbfgs", penalties=[decay]), Watch())
    assert tensors() <= before
