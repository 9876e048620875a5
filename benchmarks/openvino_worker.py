"""OpenVINO in a process of its own, for `benchmarks/occlusion.py`: it may live in another environment.

    python -m venv peer && peer/bin/pip install openvino-xai

`forwards` is one compiled network at batch 1, called again and again with ready tensors, in the precision that
OpenVINO picks for itself (bfloat16 on CPUs that have it). `rise` is OpenVINO-XAI's RISE with its defaults, which does
the same between drawing masks and adding them up. Both get the network with a fixed batch of 1, which is faster than
the open batch that the file has, and are held to so many cores.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

Work = Callable[[int], int]


class OpenvinoWorker:
    """A process that does so many forward passes when told to, and waits in between.

    Attributes:
        about: versions and precision, in words; "" where it could not start.
        problem: why it could not.
    """

    def __init__(self, python: str, way: str, path: Path, threads: int):
        words = [python, __file__, way, str(path), str(threads)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)
        said: list[str] = []
        while not (line := self._line()).startswith("ready: ") and line:
            said.append(line.strip())
        self.about = line.removeprefix("ready: ").strip()
        self.problem = "" if self.about else (said or ["it said nothing"])[-1]

    def forwards(self, count: int) -> int:
        """Do about so many passes; how many it were."""
        assert self._process.stdin is not None
        print(count, file=self._process.stdin, flush=True)
        while not (line := self._line()).startswith("done: "):
            if not line:
                raise SystemExit("the OpenVINO process has ended")
        return int(line.removeprefix("done: "))

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def openvinos(python: str, path: Path, threads: int, count: int) -> dict[str, tuple[str, Callable[[], int]]]:
    """What each way is, and a function that does `count` passes; ways that cannot start are left out, with a word."""
    found = {}
    for way in ("forwards", "rise"):
        worker = OpenvinoWorker(python, way, path, threads)
        if worker.problem:
            print(f"openvino {way} is left out: {worker.problem}")
        else:
            found[f"openvino {way}"] = worker.about, partial(worker.forwards, count)
    return found


def forwards(path: str) -> tuple[Work, str]:
    """A compiled network, and what it is."""
    import numpy as np
    import openvino as ov

    compiled = ov.Core().compile_model(_read(path), "CPU")
    ready = np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(np.float32)

    def work(count: int) -> int:
        for _ in range(count):
            compiled(ready)
        return count

    return work, f"openvino {ov.__version__}, {_precision(compiled)}"


def rise(path: str) -> tuple[Work, str]:
    """OpenVINO-XAI's RISE, and what it is."""
    from importlib.metadata import version

    import numpy as np
    import openvino as ov
    from openvino_xai.methods.black_box.rise import RISE

    model = _read(path)
    explain = RISE(model, postprocess_fn=lambda found: found[0], device_name="CPU", prepare_model=True)
    image = np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(np.float32)

    def work(count: int) -> int:
        explain.generate_saliency_map(image, target_indices=[0], num_masks=count, scale_output=False)
        return count + 1  # and the clean one

    return work, f"openvino-xai {version('openvino_xai')} on openvino {ov.__version__}"


def _read(path: str):
    import openvino as ov

    model = ov.Core().read_model(path)
    model.reshape([1, 3, 224, 224])
    return model


def _precision(compiled) -> str:
    return str(compiled.get_property("INFERENCE_PRECISION_HINT"))


def usable_cores() -> list[int]:
    """The cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def serve(way: str, path: str, threads: int) -> None:
    """Work through the numbers on standard input, one a line."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, usable_cores()[:threads])
    work, about = {"forwards": forwards, "rise": rise}[way](path)
    print(f"ready: {about}", flush=True)
    for line in sys.stdin:
        print(f"\ndone: {work(int(line))}", flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
