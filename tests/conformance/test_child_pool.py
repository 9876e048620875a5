"""A child that dies or hangs costs its own call, and no other."""

import os
import time

import pytest

from tests.conformance.child_pool import ChildPool, Died, Failed, TimedOut


@pytest.fixture
def pool():
    children = ChildPool(1, 0.5, abs, -1)
    yield children
    children.close()


def test_answers_come_back_in_the_order_of_the_questions(pool):
    futures = [pool.submit(pow, 2, exponent) for exponent in range(5)]
    assert [future.result() for future in futures] == [1, 2, 4, 8, 16]


def test_a_crash_fails_its_call_and_the_next_one_has_a_new_child(pool):
    before, crash, after = pool.submit(os.getpid), pool.submit(os.abort), pool.submit(os.getpid)
    with pytest.raises(Died, match="-6"):
        crash.result()
    assert before.result() != after.result()


def test_a_call_that_hangs_is_ended(pool):
    hanging, after = pool.submit(time.sleep, 60), pool.submit(abs, -3)
    with pytest.raises(TimedOut, match=r"0\.5 seconds"):
        hanging.result()
    assert after.result() == 3


def test_an_exception_comes_back_with_its_traceback_and_the_child_lives_on(pool):
    before, failing, after = pool.submit(os.getpid), pool.submit(int, "x"), pool.submit(os.getpid)
    with pytest.raises(Failed, match="invalid literal"):
        failing.result()
    assert before.result() == after.result()


def test_closing_ends_a_call_that_is_running():
    children = ChildPool(1, 60, abs, -1)
    running = children.submit(time.sleep, 60)
    waiting = children.submit(abs, -1)
    while not running.running():
        time.sleep(0.01)
    began = time.monotonic()
    children.close()
    assert time.monotonic() - began < 30
    assert waiting.cancelled()
    assert isinstance(running.exception(), Died)
