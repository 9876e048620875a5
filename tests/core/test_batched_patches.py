"""Variants by windows, whatever their order, the memory or the runtime; and whole passes where these are better."""

from dataclasses import replace

import numpy as np
import pytest

from tests.patch_models import WindowedModel
from viz.core.batched_patches import groups_of
from viz.core.batching import BatchedAdapter
from viz.core.errors import ModelError, OutOfMemory
from viz.core.patches import Patched

SIDE = 3


class Troubled(WindowedModel):
    """Its window graph has no room for more than `room` variants, or cannot be made at all (`broken`)."""

    def __init__(self, room=10**6, broken=False):
        super().__init__()
        self.room, self.broken, self.sizes = room, broken, []

    def patch_runner(self, side, layers, cap=None):
        runner = super().patch_runner(side, layers, cap)
        run = runner.run

        def limited(begun, places):
            if len(places) > self.room:
                raise OutOfMemory("no room")
            self.sizes.append(len(places))
            return run(begun, places)

        def prepare():
            if self.broken:
                raise ModelError("no kernel for Gather", "")

        runner.run, runner.prepare = limited, prepare
        return runner


def patched(places, images=3):
    noise = np.random.default_rng(0).random((2, images, 3, 12, 16), dtype=np.float32)
    return Patched(noise[0], noise[1], SIDE, np.array(places, np.intp))


def grid(images=3):
    return [(i, top, left) for i in range(images) for top in range(0, 10, 2) for left in range(0, 14, 3)]


def both(model, variants):
    batched = BatchedAdapter(model, 8)
    whole = BatchedAdapter(model, 8).run_patched(replace(variants, by_windows=False), ["scores"])["scores"]
    return batched, batched.run_patched(variants, ["scores"])["scores"], whole


def test_variants_come_back_in_the_order_in_which_they_were_asked_for():
    shuffled = np.random.default_rng(1).permutation(grid())
    model = Troubled()
    _, found, whole = both(model, patched(shuffled))
    assert model.sizes  # by windows
    np.testing.assert_allclose(found, whole, atol=1e-4)


def test_a_batch_without_room_is_run_in_halves_and_said():
    model = Troubled(room=3)
    batched, found, whole = both(model, patched(grid()))
    assert max(model.sizes) <= 3
    assert batched.batch_size <= 4
    assert any("out of memory" in note for note in batched.notes)
    np.testing.assert_allclose(found, whole, atol=1e-4)


def test_not_even_one_variant_fits():
    with pytest.raises(OutOfMemory):
        both(Troubled(room=0), patched(grid()))


def test_windows_that_cannot_be_made_are_left_and_said():
    model = Troubled(broken=True)
    batched, found, whole = both(model, patched(grid()))
    assert model.sizes == []
    assert any("no kernel for Gather" in note for note in batched.notes)
    np.testing.assert_array_equal(found, whole)


def test_too_few_variants_do_not_pay_for_the_clean_pass():
    model, one_each = Troubled(), [(i, 2, 3) for i in range(3)]
    batched = BatchedAdapter(model, 8)
    batched.run_patched(patched(grid()), ["scores"])
    model.sizes.clear()
    batched.run_patched(patched(one_each), ["scores"])
    assert model.sizes == []
    batched.run_patched(patched(grid()), ["scores"])
    assert model.sizes


def test_the_check_is_not_counted_among_the_passes():
    counted = []
    BatchedAdapter(WindowedModel(), 8, counted.append).run_patched(patched(grid()), ["scores"])
    assert sum(counted) == len(grid())


def test_images_with_few_variants_are_begun_together_and_others_alone():
    few = np.array([(i, 0, left) for i in range(6) for left in range(5)])
    assert [group.images.tolist() for group in groups_of(few)] == [[0, 1, 2, 3], [4, 5]]
    many = np.array([(i, 0, 0) for i in range(3) for _ in range(64)])
    assert [group.images.tolist() for group in groups_of(many)] == [[0], [1], [2]]
