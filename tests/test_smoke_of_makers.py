"""The smoke test of techniques that make images finds what it is there to find: each test breaks one thing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import viz.smoke
from tests.fakes import LinearModel, TensorModel, WithoutScores, painter
from viz.core.adapter import Adapter
from viz.core.errors import NotSupported, UsageError
from viz.core.images import read
from viz.smoke import Check, smoke

WEIGHTS = np.random.default_rng(0).normal(size=(3, 3, 12, 16)).astype(np.float32)


def checks_of(technique: Any, monkeypatch: pytest.MonkeyPatch, model: Adapter | None = None) -> dict[str, Check]:
    monkeypatch.setattr(viz.smoke, "techniques", lambda: {"painter": technique})
    return {one.name: one for one in smoke(model or LinearModel(WEIGHTS)) if one.subject == "painter"}


def breaking(technique: Any, monkeypatch: pytest.MonkeyPatch, change: Any) -> dict[str, Check]:
    inner = technique._picture
    technique._picture = lambda *given: change(inner(*given))
    return checks_of(technique, monkeypatch)


def outcomes(checks: dict[str, Check]) -> dict[str, str]:
    return {name: one.outcome for name, one in checks.items()}


PASSED = dict.fromkeys(("runs", "finite", "shape", "same again"), "passed")


@pytest.mark.parametrize("makes", ["optional", "required"])
def test_a_maker_that_works_passes_every_check(makes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    technique = painter(makes)
    assert outcomes(checks_of(technique, monkeypatch)) == PASSED
    expected = ["class 0", "class 1"] if makes == "optional" else ["sample-0.png 0", "sample-0.png 1"]
    assert technique.calls == [expected, expected], "the first group, twice"


def test_one_whose_settings_need_photos_gets_some(monkeypatch: pytest.MonkeyPatch) -> None:
    technique = painter("optional")
    inner = technique.pieces

    def pieces(self: Any, model: Any, photos: Any) -> Any:
        if not len(photos):
            raise UsageError("no photo to start from")
        return inner(self, model, photos)

    technique.pieces = pieces
    assert outcomes(checks_of(technique, monkeypatch)) == PASSED
    assert technique.calls == [["sample-0.png 0", "sample-0.png 1"]] * 2


def test_a_number_that_is_not_finite_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    found = breaking(painter(), monkeypatch, lambda picture: replace(picture, numbers={"norm": float("inf")}))
    assert outcomes(found) == {**PASSED, "finite": "failed"}
    assert "norm" in found["finite"].detail


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((12, 16), np.float32), "shape (12, 16)"),
        (np.full((3, 12, 16), 1.5, np.float32), "1.5 to 1.5"),
    ],
)
def test_an_image_of_the_wrong_form_is_found(image: Any, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = breaking(painter(), monkeypatch, lambda picture: replace(picture, arrays={"image": image}))
    assert found["shape"].outcome == "failed"
    assert said in found["shape"].detail


def test_exact_bytes_of_another_size_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    found = breaking(painter(), monkeypatch, lambda picture: replace(picture, exact=np.zeros((5, 5, 3), np.uint8)))
    assert found["shape"].outcome == "failed"


def test_chance_without_a_seed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng()

    def noisy(picture: Any) -> Any:
        return replace(picture, arrays={"image": chance.random(picture.image.shape, np.float32)})

    assert outcomes(breaking(painter(), monkeypatch, noisy)) == {**PASSED, "same again": "failed"}


def test_a_maker_that_does_not_apply_is_skipped_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(picture: Any) -> Any:
        raise NotSupported("no gradient here")

    found = breaking(painter(), monkeypatch, refuse)
    assert outcomes(found) == {"runs": "skipped"}
    assert found["runs"].detail == "no gradient here"


def test_settings_may_name_a_target_that_the_model_has_and_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    technique, settings = painter(), []
    technique.info = replace(technique.info, smoke={"target": "{target}", "like": "{picture}", "classes": (2,)})
    inner = technique.pieces

    def pieces(self: Any, *given: Any) -> Any:
        settings.append((self.target, read(Path(self.like)).size, self.classes))
        return inner(self, *given)

    technique.pieces = pieces
    assert outcomes(checks_of(technique, monkeypatch)) == PASSED
    assert settings[0][0] in ("0", "1", "2")
    assert settings[0][1:] == ((96, 96), (2,))
    settings.clear()
    checks_of(technique, monkeypatch, TensorModel({"out": lambda x: x**3}, (32, 32)))
    assert settings[0][0] == "out:0"


def test_a_class_is_not_asked_of_a_model_that_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcomes(checks_of(painter(), monkeypatch, WithoutScores(WEIGHTS))) == {"runs": "skipped"}


def test_settings_that_the_technique_itself_refuses_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    technique = painter()
    technique.info = replace(technique.info, smoke={"steps": 0})
    assert outcomes(checks_of(technique, monkeypatch)) == {"runs": "failed"}
