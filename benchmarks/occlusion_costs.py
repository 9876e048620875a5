"""What windows cost besides time per position: memory, and the making of plan and graphs.

Part of `benchmarks/occlusion.py --memory` and `--planning`; run as a script it is the child process of the former.
"""

import json
import pickle
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime as ort
from occlusion_contestants import Setting, Viz, opened, score_layers


def memory(setting: Setting) -> dict[str, Any]:
    """Peak MiB of a process that explains one image, by windows and in whole passes, and of one that only loads."""
    peaks = {way: _peak_of_child(setting, way) for way in ("loaded", "plain", "windows")}
    for way, peak in peaks.items():
        print(f"{way:8s} {peak:8.0f} MiB")
    times = peaks["windows"] / peaks["plain"]
    print(f"windows take {times:.2f} x the memory of whole passes")
    return {"peak_mib": peaks, "times": times}


def _peak_of_child(setting: Setting, way: str) -> float:
    given = pickle.dumps((setting, way))
    found = subprocess.run([sys.executable, __file__], input=given, stdout=subprocess.PIPE, check=True)
    return float(json.loads(found.stdout.splitlines()[-1]))


def _child() -> None:
    setting, way = pickle.loads(sys.stdin.buffer.read())
    model = opened(setting)
    if way == "loaded":
        model.run(setting.patched(0).images[:1], score_layers(model))
    else:
        Viz(setting, model, way == "windows")()
    print(_peak())


def _peak() -> float:
    """MiB of this process; Linux's own count, because what a parent has held would be in that of `getrusage`."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def planning(setting: Setting, rounds: int) -> dict[str, Any]:
    """Seconds for plan and graphs, for the sessions that run them, and for one image; the medians of the rounds.

    `planning` is all that viz does before it knows the plan, a pass that shows the shapes included; `writing` is what
    the first clean pass takes longer than the second, without onnxruntime's making of `sessions`.
    """
    found = [_planned(setting) for _ in range(rounds)]
    seconds = {name: statistics.median(one[name] for one in found) for name in found[0]}
    for name, value in seconds.items():
        print(f"{name:12s} {value * 1e3:9.1f} ms")
    share = statistics.median((one["planning"] + one["writing"]) / one["one image"] for one in found)
    print(f"rewriting (planning and writing) takes {share:.1%} of one image's time")
    return {"seconds": seconds, "rewriting_share": share}


def _planned(setting: Setting) -> dict[str, float]:
    model = opened(setting)
    windows, patched = Viz(setting, model, True), setting.patched(0)
    model.run(patched.images[:1], windows.layers)  # what any run does, windows or not
    took = _seconds(lambda: model.patch_plan(setting.patch, windows.layers))
    runner = model.patch_runner(setting.patch, windows.layers)
    if runner is None:
        raise SystemExit(f"no windows: {model.patch_plan(setting.patch, windows.layers).reason}")
    with _TimedSessions() as sessions:
        first = _seconds(lambda: runner.begin(patched.images, patched.fills))
    clean = _seconds(lambda: runner.begin(patched.images, patched.fills))
    checked = _seconds(windows)
    return {
        "planning": took,
        "writing": max(0.0, first - clean - sessions.seconds),
        "sessions": sessions.seconds,
        "clean pass": clean,
        "first image": checked,
        "one image": _seconds(windows),
    }


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class _TimedSessions:
    """Within it, the seconds that onnxruntime takes to make sessions are added up."""

    def __enter__(self) -> "_TimedSessions":
        self.seconds, self._original = 0.0, ort.InferenceSession

        def timed(*args: Any, **kwargs: Any) -> ort.InferenceSession:
            began = time.perf_counter()
            session = self._original(*args, **kwargs)
            self.seconds += time.perf_counter() - began
            return session

        ort.InferenceSession = timed
        return self

    def __exit__(self, *_: object) -> None:
        ort.InferenceSession = self._original


if __name__ == "__main__":
    _child()
