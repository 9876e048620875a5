"""Files that could run code when read do not, unless their author is trusted."""

import json
import os
import pickle
import shutil
import zipfile
from contextlib import suppress

import pytest
import torch

from tests.adapters.torch_models import forward, opened, pixels, read, saved
from tests.networks import SIZE, PlainConv, seeded
from viz.adapters.torch_loading.export_check import _is_arithmetic
from viz.core.errors import ModelError

ARCH = "tests.networks:PlainConv"


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


@pytest.fixture
def trap(tmp_path):
    """A folder that appears only where a payload has run."""
    return tmp_path / "the_payload_has_run"


def test_a_malicious_pickle_is_refused_and_its_payload_does_not_run(tmp_path, trap):
    path = saved({"state_dict": seeded(PlainConv).state_dict(), "extra": Payload(trap)}, tmp_path / "net.pt")
    with pytest.raises(ModelError, match=r"holds more than weights: loading it would run posix\.mkdir") as error:
        opened(path, arch=ARCH)
    assert "--trust-pickle" in error.value.next_step and "any code" in error.value.next_step
    assert not trap.exists()
    opened(path, arch=ARCH, trust_pickle=True)
    assert trap.exists(), "the payload works, so that the test means something"


def test_a_plain_pickle_is_refused_likewise(tmp_path, trap):
    path = tmp_path / "net.pth"
    path.write_bytes(pickle.dumps(Payload(trap), protocol=2))
    with pytest.raises(ModelError):
        opened(path, arch=ARCH)
    assert not trap.exists()


def test_a_whole_pickled_module_needs_trust_and_then_loads(tmp_path):
    net, images = seeded(PlainConv), pixels()
    path = saved(net, tmp_path / "net.pt")
    with pytest.raises(ModelError, match=r"would run tests\.networks\.PlainConv"):
        opened(path)
    model = opened(path, trust_pickle=True)
    assert abs(read(model, "output", images) - forward(net, images)).max() < 1e-5


def exported(tmp_path):
    net = seeded(PlainConv)
    path = tmp_path / "net.pt2"
    torch.export.save(
        torch.export.export(net, (torch.rand(2, 3, *SIZE),), dynamic_shapes=({0: torch.export.Dim("batch")},)), path
    )
    return path


def rewritten(path, edit):
    """The archive with every record passed through `edit(name, data)`; None leaves it out."""
    new = path.with_name("evil.pt2")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(new, "w") as out:
        for name in old.namelist():
            data = edit(name, old.read(name))
            if data is not None:
                out.writestr(name, data)
    return new


def test_a_program_whose_example_input_is_a_malicious_pickle_does_not_run_it(tmp_path, trap):
    saved(Payload(trap), tmp_path / "payload.pt")
    payload = (tmp_path / "payload.pt").read_bytes()
    path = rewritten(exported(tmp_path), lambda name, data: payload if "sample_inputs" in name else data)
    with pytest.raises(ModelError, match=r"would run posix\.mkdir"):
        opened(path)
    assert not trap.exists()
    with suppress(TypeError):  # torch's own warning about it has one placeholder too many
        torch.export.load(path)
    assert trap.exists(), "torch.export.load alone runs it"


def test_a_program_whose_weights_are_a_malicious_pickle_does_not_run_it(tmp_path, trap):
    saved(Payload(trap), tmp_path / "payload.pt")
    payload = (tmp_path / "payload.pt").read_bytes()

    def edit(name, data):
        if name.endswith("model_weights_config.json"):
            table = json.loads(data)
            for entry in table["config"].values():
                entry["use_pickle"] = True
            return json.dumps(table)
        return payload if name.endswith("weight_0") else data

    path = rewritten(exported(tmp_path), edit)
    with pytest.raises(ModelError, match=r"would run posix\.mkdir"):
        opened(path)
    assert not trap.exists()


def replaced(tmp_path, old, new):
    """The exported program with one text in its description replaced by another."""
    path = exported(tmp_path)
    evil = rewritten(path, lambda name, data: data.replace(old, new) if name.endswith("model.json") else data)
    assert zipfile.ZipFile(path).read("net/models/model.json") != zipfile.ZipFile(evil).read("net/models/model.json")
    return evil


def test_a_program_whose_sizes_are_code_does_not_run_it(tmp_path, trap):
    code = f"__import__('os').mkdir('{trap}')".encode()
    path = replaced(tmp_path, b"Symbol('s77', positive=True, integer=True)", code)
    with pytest.raises(ModelError, match=r"would run .*__import__"):
        opened(path)
    assert not trap.exists()
    with pytest.raises(AttributeError):
        torch.export.load(path)
    assert trap.exists(), "torch.export.load alone runs it"


def test_a_program_whose_guards_are_code_is_refused(tmp_path, trap):
    code = f"\"guards_code\": [\"__import__('os').mkdir('{trap}')\"]".encode()
    with pytest.raises(ModelError, match=r"would run .*__import__"):
        opened(replaced(tmp_path, b'"guards_code": []', code))
    assert not trap.exists()


def test_a_program_whose_names_are_code_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"would run .*exit"):
        opened(replaced(tmp_path, b'"features.0.weight"', b'"features.0.w\\"); exit(); (\\""'))


def test_a_program_that_calls_a_function_instead_of_an_operator_is_refused(tmp_path):
    with pytest.raises(ModelError, match="not an allowed operator"):
        opened(replaced(tmp_path, b"torch.ops.aten.relu_.default", b"torch.load"))


def test_a_program_with_a_pickled_object_is_refused(tmp_path):
    path = exported(tmp_path)
    evil = shutil.copy(path, tmp_path / "evil.pt2")
    with zipfile.ZipFile(evil, "a") as archive:
        archive.writestr("net/data/constants/opaque_obj_0", pickle.dumps(1))
    with pytest.raises(ModelError, match=r"the pickled object .*opaque_obj_0"):
        opened(evil)


SIZES = """
Symbol('s77', positive=True, integer=True)
s77 + 2*u0 // 3
Eq(Mod(s0, 2), 0)
L['x'].size()[1] == 3
-s0 <= Max(4, FloorDiv(s1, 2))
(s0, 3)
2**s0
"""
CODE = """
exec('x')
eval(chr(120))
().__class__
Add('exit()')
[f() for f in g]
x if y else z
lambda: 0
s0.mkdir()
size.x
f'{x}'
a; b
(yield)
x := 3
"""


@pytest.mark.parametrize("text", SIZES.strip().splitlines())
def test_sizes_as_torch_writes_them_are_arithmetic(text):
    assert _is_arithmetic(text)


@pytest.mark.parametrize("text", CODE.strip().splitlines())
def test_anything_else_is_not(text):
    assert not _is_arithmetic(text)


def test_the_switch_for_weights_only_loading_is_as_before_afterwards(tmp_path, monkeypatch):
    monkeypatch.delenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", raising=False)
    opened(exported(tmp_path))
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "0")
    opened(exported(tmp_path))
    assert os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] == "0"
