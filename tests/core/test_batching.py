"""Any number of images in batches that fit: halved when memory runs out, counted, nothing lost."""

import numpy as np
import pytest

from tests.fakes import LinearModel
from viz.core.batching import BatchedAdapter, run_each, worth_at_once
from viz.core.errors import OutOfMemory


class SmallDevice(LinearModel):
    """Has room for so many images at once and not one more."""

    def __init__(self, room):
        super().__init__(np.random.default_rng(0).normal(size=(2, 3, 4, 4)).astype(np.float32))
        self.room = room

    def run(self, images, layers):
        if len(images) > self.room:
            raise OutOfMemory("no room")
        return super().run(images, layers)


def images(count):
    return np.random.default_rng(1).random((count, 3, 4, 4), np.float32)


@pytest.mark.parametrize("count", [1, 4, 5, 23])
def test_batches_give_what_one_call_gives(count):
    model = SmallDevice(room=1000)
    expected = model.run(images(count), ["scores"])["scores"]
    found = BatchedAdapter(model, 5).run(images(count), ["scores"])["scores"]
    np.testing.assert_array_equal(found, expected)
    assert model.batches[1:] == [5] * (count // 5) + ([count % 5] if count % 5 else [])


def test_out_of_memory_halves_the_batch_for_good_and_says_so():
    model = SmallDevice(room=3)
    batched = BatchedAdapter(model, 16)
    found = batched.run(images(20), ["scores"])["scores"]
    np.testing.assert_array_equal(found, LinearModel(model.weights).run(images(20), ["scores"])["scores"])
    assert batched.batch_size == 2
    assert worth_at_once(batched) == 2
    assert len([note for note in batched.notes if "out of memory" in note]) == 3


def test_a_single_image_that_does_not_fit_is_an_error():
    with pytest.raises(OutOfMemory):
        BatchedAdapter(SmallDevice(room=0), 8).run(images(2), ["scores"])


def test_every_image_is_counted_once():
    counted = []
    BatchedAdapter(SmallDevice(room=3), 8, counted.append).run(images(11), ["scores"])
    assert sum(counted) == 11


def test_the_automatic_batch_shrinks_with_the_size_of_the_input():
    def automatic(side):
        return worth_at_once(LinearModel(np.zeros((1, 3, side, side), np.float32)))

    assert automatic(32) > automatic(224) > automatic(1024) >= 1
    assert automatic(5000) == 1


class SideBySide(LinearModel):
    """Allows several calls at a time, and says so."""

    def __init__(self, room=1000):
        super().__init__(np.random.default_rng(0).normal(size=(2, 3, 4, 4)).astype(np.float32))
        self.parallel, self.room = 3, room

    def run(self, images, layers):
        if len(images) > self.room:
            raise OutOfMemory("no room")
        return super().run(images, layers)


@pytest.mark.parametrize("room", [1000, 2])
def test_batches_side_by_side_come_back_in_order(room):
    model, counted = SideBySide(room), []
    found = BatchedAdapter(model, 4, counted.append).run(images(37), ["scores"])["scores"]
    np.testing.assert_array_equal(found, LinearModel(model.weights).run(images(37), ["scores"])["scores"])
    assert sum(counted) == 37


def test_the_same_read_only_images_are_not_run_twice():
    model = SideBySide()
    batched, pictures = BatchedAdapter(model, 8), images(5)
    pictures.flags.writeable = False
    first = batched.run(pictures, ["scores"])["scores"]
    np.testing.assert_array_equal(batched.run(pictures, ["scores"])["scores"], first)
    assert sum(model.batches) == 5
    batched.run(pictures, ["products"])
    assert sum(model.batches) == 10


def test_images_that_can_change_are_always_run():
    model = SideBySide()
    batched, pictures = BatchedAdapter(model, 8), images(5)
    first = batched.run(pictures, ["scores"])["scores"]
    pictures *= 2
    np.testing.assert_allclose(batched.run(pictures, ["scores"])["scores"], 2 * first, rtol=1e-5)


@pytest.mark.parametrize("parallel", [1, 2])
def test_work_on_each_batch_gets_all_images_in_order_also_where_memory_runs_out(parallel):
    model = SmallDevice(room=3)
    model.parallel = parallel
    expected = model.run(images(3), ["scores"])["scores"]
    found = run_each(BatchedAdapter(model, 5), images(13), ["scores"], lambda start, values: (start, values["scores"]))
    assert found[0][0] == 0
    assert [start + len(values) for start, values in found] == [*(start for start, _ in found[1:]), 13]
    np.testing.assert_array_equal(np.concatenate([values for _, values in found])[:3], expected)


def test_a_model_that_is_not_split_gets_all_images_at_once():
    model = SmallDevice(room=100)
    assert run_each(model, images(7), ["scores"], lambda start, values: (start, len(values["scores"]))) == [(0, 7)]
