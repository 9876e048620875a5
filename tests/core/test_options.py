"""Options, declared once in a dataclass: how they are read, named and checked."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from viz.core.errors import UnknownName, UsageError
from viz.core.options import Opt, check, options_of


@dataclass(frozen=True, kw_only=True)
class Blur:
    """A made-up technique."""

    needed: Annotated[int, Opt("What must be given.")]
    batch_size: Annotated[int, Opt("How many at once.", min=1, max=64)] = 8
    sigma: Annotated[float, Opt("How wide.", min=0)] = 1.5
    shift: Annotated[float, Opt("Without bounds.")] = 0
    edge: Annotated[str, Opt("What lies outside.", choices=("wrap", "mirror"))] = "wrap"
    name: Annotated[str | None, Opt("Optional text.", flag="--call", short="-n")] = None
    limit: Annotated[int | None, Opt("Optional number.", min=1)] = None
    fast: Annotated[bool, Opt("A switch.")] = False
    steps: Annotated[tuple[int, ...], Opt("Several.", min=1)] = ()
    size: Annotated[tuple[int, float], Opt("Two.")] = (1, 2.0)
    kinds: Annotated[list[str], Opt("Made anew each time.", choices=("a", "b"))] = field(default_factory=list)
    mode: Annotated[Literal["soft", "hard"], Opt("One of two.")] = "soft"


OPTIONS = {option.name: option for option in options_of(Blur)}


def test_options_keep_the_order_of_the_fields():
    assert list(OPTIONS)[:3] == ["needed", "batch_size", "sigma"]


def test_an_option_knows_its_flag_type_default_and_help():
    batch = OPTIONS["batch_size"]
    assert (batch.flag, batch.type, batch.default, batch.opt.help) == ("--batch-size", int, 8, "How many at once.")
    assert (OPTIONS["name"].flag, OPTIONS["name"].opt.short) == ("--call", "-n")


def test_only_an_option_without_a_default_is_required():
    assert [name for name, option in OPTIONS.items() if option.required] == ["needed"]
    assert OPTIONS["kinds"].default == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 1),
        ("batch_size", 64),
        ("sigma", 0),
        ("sigma", 2.5),
        ("shift", -1e300),
        ("edge", "mirror"),
        ("name", None),
        ("name", ""),
        ("limit", None),
        ("limit", 1),
        ("fast", True),
        ("steps", (1, 2)),
        ("steps", [1, 2]),
        ("steps", ()),
        ("size", (3, 1)),
        ("kinds", ["a", "b"]),
        ("mode", "hard"),
    ],
)
def test_a_suitable_value_passes(name: str, value: Any):
    check(Blur, {name: value})


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("batch_size", 0, "--batch-size is 0, but must be at least 1 and at most 64"),
        ("batch_size", 65, "--batch-size is 65, but must be at least 1 and at most 64"),
        ("batch_size", 2.0, "--batch-size is 2.0, which is not a whole number"),
        ("batch_size", True, "--batch-size is True, which is not a whole number"),
        ("batch_size", "8", "--batch-size is '8', which is not a whole number"),
        ("batch_size", None, "--batch-size is None, which is not a whole number"),
        ("sigma", -0.1, "--sigma is -0.1, but must be at least 0"),
        ("sigma", "wide", "--sigma is 'wide', which is not a number"),
        ("sigma", False, "--sigma is False, which is not a number"),
        ("sigma", float("nan"), "--sigma is nan, but must be a finite number"),
        ("shift", float("inf"), "--shift is inf, but must be a finite number"),
        ("name", 3, "--call is 3, which is not text"),
        ("limit", 0, "--limit is 0, but must be at least 1"),
        ("limit", "x", "--limit is 'x', which is not a whole number"),
        ("fast", 1, "--fast is 1, which is not true or false"),
        ("steps", (1, "x"), "which is not a list of whole numbers"),
        ("steps", 3, "--steps is 3, which is not a list of whole numbers"),
        ("steps", (3, 0), "--steps is 0, but must be at least 1"),
        ("size", (1, 2, 3), "which is not a list"),
        ("size", (1.5, 2), "which is not a list"),
        ("mode", "medium", "--mode is 'medium', which is not one of soft, hard"),
    ],
)
def test_an_unsuitable_value_names_the_flag_and_what_it_takes(name: str, value: Any, complaint: str):
    with pytest.raises(UsageError) as problem:
        check(Blur, {name: value})
    assert complaint in problem.value.problem
    assert problem.value.next_step == OPTIONS[name].opt.help


@pytest.mark.parametrize(("name", "value"), [("edge", "miror"), ("kinds", ["a", "c"])])
def test_a_choice_that_does_not_exist_gets_those_that_do(name: str, value: Any):
    with pytest.raises(UnknownName, match=f"no choice of --{name} is called '(miror|c)'; (did you mean|there are)"):
        check(Blur, {name: value})


def test_an_unknown_option_gets_the_nearest():
    with pytest.raises(UnknownName, match="no option is called 'batchsize'; did you mean 'batch_size'"):
        check(Blur, {"batchsize": 3})


@pytest.mark.parametrize("hint", [int, Annotated[int, "only a remark"]])
def test_a_field_that_declares_no_option_is_a_mistake_of_its_author(hint: Any):
    owner = dataclass(type("Owner", (), {"__annotations__": {"width": hint}}))
    with pytest.raises(TypeError, match="option 'width'"):
        options_of(owner)
