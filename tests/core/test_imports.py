"""Nobody who does not use a runtime waits for it to be imported."""

import pkgutil
import subprocess
import sys

import pytest

import viz.core
from viz.core.technique import techniques

RUNTIMES = ("torch", "onnx", "onnxruntime")


def imported(code: str) -> set[str]:
    """Which runtimes a fresh Python has imported after running this."""
    asked = f"{code}\nimport sys\nprint(*sorted(sys.modules.keys() & set({RUNTIMES})))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_no_module_of_core_imports_a_model_runtime() -> None:
    modules = [module.name for module in pkgutil.walk_packages(viz.core.__path__, "viz.core.")]
    assert "viz.core.gradient_check" in modules and len(modules) > 30
    assert imported("\n".join(f"import {name}" for name in modules)) == set()


def test_no_technique_imports_a_model_runtime_before_it_runs() -> None:
    assert len(techniques()) > 10
    assert imported("from viz.core.technique import techniques; techniques()") == set()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_question_can_be_answered_with_yes(runtime: str) -> None:
    assert runtime in imported(f"import {runtime}")


def test_occlusion_of_an_onnx_file_imports_no_torch() -> None:
    code = (
        "import numpy as np, viz\n"
        "from viz.core.target import class_target\n"
        "from viz.techniques.attribution.occlusion import Occlusion\n"
        "model = viz.load('zoo:shapes')\n"
        "Occlusion(patch=48, stride=48)(model, np.zeros((1, 3, *model.size), np.float32), [class_target(model, 0)])"
    )
    assert imported(code) == {"onnx", "onnxruntime"}
