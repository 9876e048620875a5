"""Networks made by code: what `package.module:factory` may be, its arguments, and what can go wrong."""

import sys

import numpy as np
import pytest

from tests.adapters.torch_models import opened, pixels, read
from viz.core.adapter import Scores
from viz.core.errors import ModelError, UnknownName, UsageError


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a module of networks, as the current directory."""
    (tmp_path / "my_nets.py").write_text(
        "import torch\nfrom torch import nn\n"
        "def make(classes=4, bias=True, name='x'):\n"
        "    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, classes, bias=bias))\n"
        "    net.given = (classes, bias, name)\n"
        "    return net\n"
        "class Box:\n    net = make(7)\n"
        "ready = make(5)\n"
        "def number(): return 3\n"
        "def fails(): raise RuntimeError('no weights here')\n"
        "text = 'abc'\n"
    )
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("my_nets", None)


def test_a_factory_in_the_current_directory_is_called(here):
    model = opened("my_nets:make")
    assert model.scores == Scores(4, "output", None, "none")
    assert model.source.name == "make" and model.source.spec == "my_nets:make"
    assert str(here) not in sys.path and "" not in sys.path[:1]


def test_model_arguments_are_literals_or_text(here):
    import_path = "my_nets:make"
    model = opened(import_path, model_arg=("classes=6", "bias=false", "name=a=b"))
    assert model.scores is not None and model.scores.classes == 6
    given = model._runner.program.module.given
    assert given == (6, False, "a=b")


def test_a_ready_module_is_taken_as_it_is(here):
    assert opened("my_nets:ready").scores.classes == 5
    assert opened("my_nets:Box.net").scores.classes == 7
    with pytest.raises(UsageError, match="takes no --model-arg"):
        opened("my_nets:ready", model_arg=("classes=3",))


@pytest.mark.parametrize(
    ("spec", "error", "text"),
    [
        ("my_nets:mke", UnknownName, "did you mean 'make'"),
        ("no_such_module:x", ModelError, "there is no such module"),
        ("my_nets:number", ModelError, "gives a int, not a torch module"),
        ("my_nets:text", ModelError, "is a str"),
        ("my_nets:fails", ModelError, "no weights here"),
    ],
)
def test_what_is_wrong_with_a_factory_is_said(here, spec, error, text):
    with pytest.raises(error, match=text):
        opened(spec)


def test_wrong_model_arguments_are_named(here):
    with pytest.raises(ModelError, match=r"my_nets:make\(size=3\) failed: TypeError.*'size'"):
        opened("my_nets:make", model_arg=("size=3",))
    with pytest.raises(UsageError, match="--model-arg classes is not NAME=VALUE"):
        opened("my_nets:make", model_arg=("classes",))


def test_an_import_that_fails_inside_says_why(here):
    (here / "broken_nets.py").write_text("import no_such_package_anywhere\n")
    with pytest.raises(ModelError, match="No module named 'no_such_package_anywhere'"):
        opened("broken_nets:x")


def test_further_inputs_go_to_forward(here):
    (here / "scaled_nets.py").write_text(
        "from torch import nn\n"
        "class Scaled(nn.Module):\n"
        "    def forward(self, x, scale): return x.mean((2, 3)) * scale\n"
    )
    images = pixels()
    np.testing.assert_allclose(
        read(opened("scaled_nets:Scaled", input=("scale=2.5",)), "output", images), 2.5 * images.mean((2, 3)), atol=1e-5
    )
    with pytest.raises(ModelError, match="missing 1 required positional argument: 'scale'"):
        opened("scaled_nets:Scaled")
