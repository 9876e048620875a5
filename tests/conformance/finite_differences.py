"""Derivatives of the float vision cases by central differences of onnx's reference kernels in float64.

For a case with outputs y and fixed random cotangents c, the score is sum(c * y). Its derivative along a fixed
random direction is kept for every float input, where the score is smooth along that direction: the quotients
of two step sizes, and of steps to either side, agree. What is at a kink is left out: there is no derivative.

`python -m tests.conformance.finite_differences` computes all of them anew (minutes) and writes the file.
"""

import json
import warnings
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.conformance.cases import Case, input_names, load_case
from tests.conformance.child_pool import ChildPool
from tests.conformance.float_vision import float_vision_cases

STORED = Path(__file__).with_suffix(".json")
STEPS = (1e-3, 5e-4)
SMOOTH = 1.5e-3  # how far quotients may disagree, relative to a derivative or absolute for one below 1
FLOATS = ("float32", "float64")


@dataclass(frozen=True)
class Derivatives:
    """What is known of one case: derivatives by index of the input, and why other float inputs have none."""

    known: dict[int, float]
    left_out: dict[int, str]


class NoDerivative(Exception):
    """At this point, along this direction, there is none."""


def stored_derivatives() -> dict[str, dict[int, float]]:
    """The committed derivatives: by case, then by index of the input."""
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    return {name: {int(index): value for index, value in found.items()} for name, found in stored["cases"].items()}


def derivatives(name: str) -> Derivatives:
    """Derivatives of one case; none at all where no float input meets a float output."""
    case = load_case("node", name)
    weights = cotangents(case)
    inputs = [np.asarray(value) for value in case.data_sets[0].inputs]
    wanted = [index for index, value in enumerate(inputs) if _is_float(value)]
    found = Derivatives({}, {})
    if all(weight is None for weight in weights):
        return found
    point = [value.astype(np.float64) if index in wanted else value for index, value in enumerate(inputs)]
    for index in wanted:
        try:
            found.known[index] = _derivative(
                _Score(case, weights), point, index, direction(name, index, point[index].shape)
            )
        except NoDerivative as reason:
            found.left_out[index] = str(reason)
        except Exception as problem:  # the reference: no float64 in this kernel, or the input decides about shapes
            found.left_out[index] = f"onnx's reference fails: {problem}"[:120]
    return found


def cotangents(case: Case) -> list[np.ndarray | None]:
    """Fixed random weights for every float output, None for the others."""
    outputs = [np.asarray(value) for value in case.data_sets[0].outputs]
    return [_normal(f"{case.name}o{k}", y.shape) if _is_float(y) else None for k, y in enumerate(outputs)]


def direction(name: str, index: int, shape: Sequence[int]) -> np.ndarray:
    """The fixed random direction in which an input is moved."""
    return _normal(f"{name}i{index}", shape)


class _Score:
    """The sum of a case's outputs times cotangents, by onnx's reference kernels."""

    def __init__(self, case: Case, weights: Sequence[np.ndarray | None]):
        from onnx.reference import ReferenceEvaluator

        self._session = ReferenceEvaluator(case.model)
        self._names = input_names(case.model)
        self._weights = weights

    def __call__(self, inputs: Sequence[np.ndarray]) -> float:
        outputs = self._session.run(None, dict(zip(self._names, inputs, strict=False)))
        pairs = zip(outputs, self._weights, strict=True)
        return sum(float((np.asarray(y, np.float64) * weight).sum()) for y, weight in pairs if weight is not None)


def _derivative(score: _Score, point: Sequence[np.ndarray], index: int, along: np.ndarray) -> float:
    here = score(point)
    quotients = []
    for step in STEPS:
        ahead, behind = (score(_moved(point, index, sign * step * along)) for sign in (1, -1))
        quotients.append(((ahead - behind) / 2 / step, (ahead - here) / step, (here - behind) / step))
    (coarse, forward, backward), (fine, fine_forward, fine_backward) = quotients
    # Of a smooth function, one-sided quotients err in proportion to the step; at a kink they do not converge.
    if not np.all(np.isfinite(quotients)):
        raise NoDerivative("not finite")
    errors = (2 * fine_forward - forward - fine, 2 * fine_backward - backward - fine, coarse - fine)
    if max(map(abs, errors)) > SMOOTH * max(1.0, abs(coarse)):
        raise NoDerivative("at a kink, or too strongly curved")
    return fine


def _moved(point: Sequence[np.ndarray], index: int, by: np.ndarray) -> list[np.ndarray]:
    return [value + by if k == index else value for k, value in enumerate(point)]


def _is_float(array: np.ndarray) -> bool:
    return array.dtype.name in FLOATS and array.size > 0


def _normal(seed: str, shape: Sequence[int]) -> np.ndarray:
    return np.random.default_rng(zlib.crc32(seed.encode())).standard_normal(shape)


def _quiet() -> None:
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")


def _computed() -> dict[str, Derivatives]:
    pool = ChildPool(workers=2, timeout=120, prepare=_quiet)
    try:
        queued = {name: pool.submit(derivatives, name) for name in float_vision_cases()}
        return {name: future.result() for name, future in queued.items()}
    finally:
        pool.close()


def _write(found: Mapping[str, Derivatives]) -> None:
    import onnx

    head = f'"onnx": "{onnx.__version__}", "command": "python -m tests.conformance.finite_differences"'
    cases = _lines({name: case.known for name, case in found.items()})
    left_out = _lines({name: case.left_out for name, case in found.items()})
    text = f'{{{head},\n"cases": {{\n{cases}\n}},\n"left_out": {{\n{left_out}\n}}}}\n'
    STORED.write_text(text, encoding="utf-8")


def _lines(by_case: Mapping[str, Mapping[int, Any]]) -> str:
    return ",\n".join(f"{json.dumps(name)}: {json.dumps(values)}" for name, values in by_case.items() if values)


if __name__ == "__main__":
    _write(_computed())
