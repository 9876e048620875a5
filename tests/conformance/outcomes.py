"""What became of a case: the answer judged against the suite's, the exception, or the child that did not return."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx.backend.test.runner import Runner

from tests.conformance.cases import Case

PASSED = frozenset({"pass", "close"})
WITHOUT_A_WORD = frozenset({"wrong", "dtype", "no_gradient"})
MESSAGE_LENGTH = 300


@dataclass(frozen=True)
class Outcome:
    """How a case ended.

    Statuses that count as passed: "pass"; "close", within 2e-3 (half precision: 2e-2) where the suite asks for
    more digits than float32 sums in another order can promise.
    Wrong without a word: "wrong" values or shapes; "dtype", right values of another type; "no_gradient", none
    for an input on which the answer depends.
    Refused: "convert_error" before any value was seen, "run_error" on the values.
    Seen from outside: "timeout", "crash".
    """

    status: str
    message: str = ""

    @property
    def passed(self) -> bool:
        return self.status in PASSED

    @property
    def wrong_without_a_word(self) -> bool:
        return self.status in WITHOUT_A_WORD


def failure(status: str, problem: BaseException) -> Outcome:
    """An exception as an outcome."""
    return Outcome(status, f"{type(problem).__name__}: {problem}"[:MESSAGE_LENGTH])


def judged(case: Case, expected: Sequence[Any], actual: Sequence[Any]) -> Outcome:
    """The answer to one data set, by onnx's own comparison first."""
    try:
        Runner.assert_similar_outputs(expected, actual, case.rtol, case.atol)
    except Exception as difference:  # AssertionError by design, others where the values cannot even be compared
        return Outcome(_degree(expected, actual), str(difference)[:MESSAGE_LENGTH])
    return Outcome("pass")


def _degree(expected: Sequence[Any], actual: Sequence[Any]) -> str:
    try:
        if not _alike(list(expected), list(actual)):
            return "wrong"
    except (TypeError, ValueError):  # nothing that numbers could be read from
        return "wrong"
    return "close" if _same_types(expected, actual) else "dtype"


def _alike(expected: Any, actual: Any) -> bool:
    if isinstance(expected, list | tuple):
        return len(expected) == len(actual) and all(map(_alike, expected, actual))
    expected, actual = np.asarray(expected), np.asarray(actual)
    if expected.shape != actual.shape:
        return False
    if not _is_float(expected) and not _is_float(actual):
        return bool((expected == actual).all())
    rtol, atol = (2e-3, 1e-5) if expected.dtype.itemsize >= 4 else (2e-2, 1e-2)
    return np.allclose(expected.astype(np.float64), actual.astype(np.float64), rtol, atol, equal_nan=True)


def _is_float(array: np.ndarray) -> bool:
    return array.dtype.kind in "fcV"  # V: the types of ml_dtypes


def _same_types(expected: Sequence[Any], actual: Sequence[Any]) -> bool:
    arrays = [(e, a) for e, a in zip(expected, actual, strict=True) if not isinstance(e, list)]
    return all(np.asarray(e).dtype == np.asarray(a).dtype for e, a in arrays)
