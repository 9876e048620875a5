"""Answers are judged as the suite does, and what a converter says is told from what it gets wrong in silence."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.conformance import questions
from tests.conformance.cases import Case, DataSet
from tests.conformance.figures import Answered, table
from tests.conformance.outcomes import Outcome, judged

MODEL = helper.make_model(
    helper.make_graph(
        [helper.make_node("Mul", ["x", "x"], ["y"])],
        "square",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
    )
)
INPUT, OUTPUT = np.array([1, 3], np.float32), np.array([1, 9], np.float32)
SQUARE = Case("square", MODEL, [DataSet([INPUT], [OUTPUT])], 1e-3, 1e-7)


class Answering:
    """A converter that always gives the same answer, or raises."""

    def __init__(self, answer=None, gradient=None, refusal=None):
        self.answer, self.gradient, self.refusal = answer, gradient, refusal

    def prepare(self, model):
        if self.refusal == "prepare":
            raise NotImplementedError("Mul")
        return self.run

    def run(self, values):
        if self.refusal == "run":
            raise NotImplementedError("Mul")
        return [self.answer]

    def gradients(self, model, values, wanted, cotangents):
        return [self.gradient]


@pytest.fixture
def asked(monkeypatch):
    def ask(**answering):
        monkeypatch.setattr(questions, "_converter", lambda name: Answering(**answering))
        return questions

    return ask


@pytest.mark.parametrize(
    "answer, status",
    [
        (OUTPUT, "pass"),
        (OUTPUT * np.float32(1.0015), "close"),
        (OUTPUT.astype(np.float64), "dtype"),
        (OUTPUT * np.float32(1.01), "wrong"),
        (OUTPUT.reshape(2, 1), "wrong"),
        (np.array([1, np.nan], np.float32), "wrong"),
        (np.array(["one", "nine"], object), "wrong"),
    ],
)
def test_an_answer_is_judged(asked, answer, status):
    assert asked(answer=answer).forward_of("any", SQUARE).status == status


def test_a_missing_output_is_wrong():
    assert judged(SQUARE, [OUTPUT], []).status == "wrong"


@pytest.mark.parametrize("refusal, status", [("prepare", "convert_error"), ("run", "run_error")])
def test_a_refusal_is_not_wrong_in_silence(asked, refusal, status):
    outcome = asked(refusal=refusal).forward_of("any", SQUARE)
    assert (outcome.status, outcome.message) == (status, "NotImplementedError: Mul")
    assert not outcome.passed and not outcome.wrong_without_a_word


def test_every_data_set_counts(asked):
    twice = Case("square", MODEL, [*SQUARE.data_sets, DataSet([INPUT], [OUTPUT + 1])], 1e-3, 1e-7)
    assert asked(answer=OUTPUT).forward_of("any", twice).status == "wrong"


@pytest.mark.parametrize("factor, status", [(1.0, "pass"), (1.004, "pass"), (1.1, "wrong"), (None, "no_gradient")])
def test_a_gradient_is_judged_along_one_direction(asked, factor, status):
    (cotangent,) = questions.cotangents(SQUARE)
    gradient = 2 * INPUT * cotangent
    expected = float((gradient * questions.direction("square", 0, (2,))).sum())
    given = None if factor is None else gradient * factor
    assert asked(gradient=given).gradient_of("any", SQUARE, {0: expected}).status == status


def test_figures_count_passed_silent_and_refused_apart():
    statuses = ["pass", "close", "wrong", "dtype", "run_error", "convert_error", "timeout", "crash"]
    answered = [Answered("forward", f"node/{status}", Outcome(status)) for status in statuses]
    answered += [
        Answered("forward", "node/test_relu", Outcome("pass")),
        Answered("gradient", "node/x", Outcome("wrong")),
    ]
    rows = [line.split() for line in table(answered).splitlines()[1:]]
    assert rows == [
        ["node", "9", "3", "2", "4"],
        ["float", "vision", "1", "1", "0", "0"],
        ["gradients", "1", "0", "1", "0"],
    ]
