"""The smoke test finds what it is there to find: each test breaks one thing."""

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as Xml

import numpy as np
import pytest

import viz.smoke
from tests.fakes import LinearModel, TensorModel, WithoutScores
from viz.core.adapter import Adapter
from viz.core.errors import ModelError, NotSupported, UnknownName, UsageError
from viz.core.result import FloatArray, HeatMap, Result
from viz.core.target import Target
from viz.core.technique import TechniqueInfo, techniques
from viz.smoke import Check, junit_xml, smoke

WEIGHTS = np.random.default_rng(0).normal(size=(4, 3, 32, 32)).astype(np.float32)


class Gray:
    """A technique that works: the image itself, times the target's score."""

    info = TechniqueInfo("gray", "attribution", "Gray.", "none", False, 8, {})

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[Result]:
        values = model.run(images, targets[0].layers)
        scores = targets[0].of(values)
        return [self.result(image.mean(axis=0) * score) for image, score in zip(images, scores, strict=True)]

    def result(self, heat: FloatArray) -> Result:
        return HeatMap({"heat": heat}, {"drop": float(heat.max())})


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes one class the only technique there is."""

    def register(technique: type[Any]) -> dict[str, Check]:
        monkeypatch.setattr(viz.smoke, "techniques", lambda: {technique.info.name: technique})
        checks = list(smoke(LinearModel(WEIGHTS)))
        return {one.name: one for one in checks if one.subject == technique.info.name}

    return register


def outcomes(checks: dict[str, Check]) -> dict[str, str]:
    return {name: one.outcome for name, one in checks.items()}


PASSED = dict.fromkeys(("runs", "finite", "shape", "follows the image", "same again"), "passed")


def test_every_registered_technique_passes_on_a_linear_model() -> None:
    checks = list(smoke(LinearModel(WEIGHTS)))
    assert {one.subject for one in checks} == {"model", *techniques()}
    assert [one for one in checks if one.outcome == "failed"] == []
    assert all(one.seconds >= 0 for one in checks)


def test_a_technique_that_works_passes_every_check(only: Any) -> None:
    assert outcomes(only(Gray)) == PASSED


def test_a_gradient_map_that_never_changes_is_passed_over_only_where_the_gradient_itself_never_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Constant(Gray):
        info = TechniqueInfo("constant", "attribution", "Constant.", "none", True, 8, {})

        def result(self, heat: FloatArray) -> Result:
            return HeatMap({"heat": np.ones_like(heat)})

    monkeypatch.setattr(viz.smoke, "techniques", lambda: {"constant": Constant})
    bent = TensorModel({"out": lambda x: x**3}, (32, 32))
    for model, expected in ((LinearModel(WEIGHTS), "skipped"), (bent, "failed")):
        found = {one.name: one for one in smoke(model) if one.subject == "constant"}
        assert found["follows the image"].outcome == expected


def test_a_map_that_says_itself_that_it_is_not_of_the_image_need_not_change(only: Any) -> None:
    class Constant(Gray):
        def result(self, heat: FloatArray) -> Result:
            return HeatMap({"heat": np.ones_like(heat)}, warnings=("the result does not depend on the image here",))

    found = only(Constant)
    assert outcomes(found) == PASSED | {"follows the image": "skipped"}
    assert found["follows the image"].detail == "the result does not depend on the image here"


def test_a_map_with_a_nan_fails(only: Any) -> None:
    class Broken(Gray):
        def result(self, heat: FloatArray) -> Result:
            heat[3, 4] = np.nan
            return HeatMap({"heat": heat})

    found = only(Broken)
    assert outcomes(found) == PASSED | {"finite": "failed"}
    assert found["finite"].detail == "1 of 1024 values of heat are not finite"


def test_an_infinite_figure_fails(only: Any) -> None:
    class Broken(Gray):
        def result(self, heat: FloatArray) -> Result:
            return HeatMap({"heat": heat}, {"word": "text", "drop": float("inf")})

    found = only(Broken)
    assert found["finite"].detail == "1 of 1 values of drop are not finite"


def test_a_map_that_does_not_depend_on_the_image_fails(only: Any) -> None:
    class Broken(Gray):
        def result(self, heat: FloatArray) -> Result:
            # A second array that does change must not hide that the map does not.
            return HeatMap({"heat": np.ones_like(heat), "raw": heat})

    found = only(Broken)
    assert outcomes(found) == PASSED | {"follows the image": "failed"}
    assert found["follows the image"].detail == "heat did not change with the picture"


def test_a_map_of_another_size_fails(only: Any) -> None:
    class Broken(Gray):
        def result(self, heat: FloatArray) -> Result:
            return HeatMap({"heat": heat[::2, ::2]})

    found = only(Broken)
    assert outcomes(found) == PASSED | {"shape": "failed"}
    assert found["shape"].detail == "the heat has shape (16, 16), the model's input (32, 32)"


def test_a_result_without_arrays_fails(only: Any) -> None:
    class Broken(Gray):
        def result(self, heat: FloatArray) -> Result:
            return Result({})

    assert only(Broken)["shape"].detail == "the result holds no array"


def test_a_map_that_changes_from_call_to_call_fails(only: Any) -> None:
    rng = np.random.default_rng(0)

    class Broken(Gray):
        def result(self, heat: FloatArray) -> Result:
            return HeatMap({"heat": heat + rng.normal(size=heat.shape) * 1e-6})

    assert outcomes(only(Broken)) == PASSED | {"same again": "failed"}


def test_a_technique_that_raises_fails_with_its_reason_and_nothing_more_is_asked_of_it(only: Any) -> None:
    class Broken(Gray):
        def result(self, heat: FloatArray) -> Result:
            raise ZeroDivisionError("by zero")

    found = only(Broken)
    assert outcomes(found) == {"runs": "failed"}
    assert found["runs"].detail == "ZeroDivisionError: by zero"


def test_a_technique_that_loses_an_image_fails(only: Any) -> None:
    class Broken(Gray):
        def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[Result]:
            return super().__call__(model, images, targets)[:1]

    assert only(Broken)["runs"].detail == "1 results for 2 images"


def test_a_technique_that_does_not_apply_is_skipped_with_the_reason(only: Any) -> None:
    class Gradient(Gray):
        def result(self, heat: FloatArray) -> Result:
            raise NotSupported("the model has no gradients", "load it with --device cuda")

    found = only(Gradient)
    assert outcomes(found) == {"runs": "skipped"}
    assert found["runs"].detail == "the model has no gradients; load it with --device cuda"


def test_settings_that_do_not_fit_the_model_make_way_for_the_defaults(only: Any) -> None:
    class Sized(Gray):
        info = TechniqueInfo("sized", "attribution", "Sized.", "none", False, 8, {"patch": 99})

        def __init__(self, patch: int = 1):
            self.patch = patch

        def result(self, heat: FloatArray) -> Result:
            if self.patch > len(heat):
                raise UsageError("--patch is too large")
            return super().result(heat)

    assert outcomes(only(Sized)) == PASSED


def test_both_pictures_are_explained_with_the_same_target(only: Any) -> None:
    seen: list[Target] = []

    class Spy(Gray):
        def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[Result]:
            seen.extend(targets)
            return super().__call__(model, images, targets)

    only(Spy)
    assert len(seen) == 4
    assert len(set(seen)) == 1


class Sick(LinearModel):
    """A linear model with one illness."""

    def __init__(self, illness: str):
        super().__init__(WEIGHTS)
        self.illness = illness

    def run(self, images: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        values = super().run(images, layers)["scores"]
        if self.illness == "not finite":
            values[0, 2] = np.inf
        elif self.illness == "neighbours":
            values += 0.1 * values.mean(axis=0)
        elif self.illness == "blind":
            values[:] = [1, 2, 3, 4]
        elif self.illness == "dead":
            raise ModelError("the device is gone")
        return {"scores": values}


@pytest.mark.parametrize(
    ("illness", "check", "detail"),
    [
        ("not finite", "finite scores", "1 of 12 values of scores are not finite"),
        ("neighbours", "batch equals singles", "scores differs by"),
        ("blind", "follows the image", "scores is the same for two different pictures"),
    ],
)
def test_a_sick_model_fails_the_check_for_it(illness: str, check: str, detail: str) -> None:
    found = {one.name: one for one in smoke(Sick(illness)) if one.subject == "model"}
    assert found[check].outcome == "failed"
    assert detail in found[check].detail


def test_a_model_that_cannot_run_is_a_model_error() -> None:
    with pytest.raises(ModelError, match="the device is gone"):
        list(smoke(Sick("dead")))


def test_a_model_without_class_scores_is_tested_on_its_first_output() -> None:
    checks = list(smoke(WithoutScores(WEIGHTS)))
    assert len(checks) > 3
    assert [one for one in checks if one.outcome == "failed"] == []
    assert {one.name: one.outcome for one in checks if one.subject == "occlusion"} == PASSED


def test_a_glob_picks_techniques_and_one_that_picks_none_is_an_error() -> None:
    assert {one.subject for one in smoke(LinearModel(WEIGHTS), "occl*")} == {"model", "occlusion"}
    with pytest.raises(UnknownName, match="did you mean 'occlusion'"):
        list(smoke(LinearModel(WEIGHTS), "oclusion"))


def test_junit_says_what_passed_failed_and_was_skipped() -> None:
    checks = [
        Check("model", "finite scores", "passed", 0.25),
        Check("a <technique>", 'shape & "size"', "failed", 1.5, "<heat> has \x00 & \x1b[31m ]]>"),
        Check("other", "runs", "skipped", 0.0, "no gradients"),
    ]
    text = junit_xml(checks, "viz smoke --model <x>")
    root = Xml.fromstring(text.encode())
    (suite,) = root
    for element in (root, suite):
        assert {name: element.get(name) for name in ("tests", "failures", "errors", "skipped", "time")} == {
            "tests": "3",
            "failures": "1",
            "errors": "0",
            "skipped": "1",
            "time": "1.750",
        }
    assert suite.get("name") == "viz smoke --model <x>"
    passed, failed, skipped = suite
    assert (passed.get("classname"), passed.get("name"), len(passed)) == ("viz.smoke.model", "finite scores", 0)
    assert failed.get("classname") == "viz.smoke.a <technique>"
    failure = failed.find("failure")
    assert failure is not None
    assert failure.get("message") == failure.text == "<heat> has \ufffd & \ufffd[31m ]]>"
    assert [element.tag for element in skipped] == ["skipped"]
