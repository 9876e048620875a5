"""onnxruntime sessions: which device runs the model, tuned options, clear errors; nothing falls back unsaid."""

import ctypes
import os
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
import onnxruntime as ort

from viz.adapters.onnx_runtime import openvino, placement
from viz.adapters.onnx_runtime.half_precision import in_half_precision
from viz.core.errors import ModelError, OutOfMemory, UnknownName, UsageError
from viz.core.model_options import REDUCED, ModelOptions

_MOST_WORKERS = 16  # each holds the activations of a batch
_MEMORY = re.compile(r"out of memory|failed to allocate|bad_?alloc|cudaErrorMemoryAllocation|allocate memory", re.I)


_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

# The reduced precision that is faster on a provider, and that viz knows how to ask it for.
_FASTER = {openvino.PROVIDER: "bf16", _CUDA: "fp16"}
# What onnxruntime calls the memory of providers that have their own. Others take and give arrays; those of AMD and
# DirectML are not in the table because nobody has tried them here.
_MEMORY_OF = {_CUDA: "cuda", "TensorrtExecutionProvider": "cuda", "NvTensorRTRTXExecutionProvider": "cuda"}
# float32 is float32: by itself the provider rounds the factors of convolutions and products to TF32's 11 bits. And
# convolutions are chosen by rule: by itself it times all that there are for each new shape, of which windows have
# many, and what comes out first depends on the moment.
_CUDA_OPTIONS = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}


@dataclass(frozen=True)
class Memory:
    """A device's own memory, as onnxruntime calls it: kind and number."""

    kind: str
    number: int = 0


@dataclass(frozen=True)
class Device:
    """Where sessions run: the provider, its options, what to call it, and what float32 models are computed in.

    `threads` is what was allowed on a CPU (None: all cores).
    """

    provider: str
    options: dict[str, str]
    name: str
    precision: str = "float32"
    threads: int | None = None

    @property
    def memory(self) -> Memory | None:
        """The memory in which values can stay between calls; None where they are arrays anyway."""
        kind = _MEMORY_OF.get(self.provider)
        return Memory(kind, int(self.options.get("device_id", "0"))) if kind else None

    def computing(self, precision: str) -> "Device":
        """The same device computing in `precision`; raises `UsageError` where it gains nothing from that."""
        if precision in REDUCED and _FASTER.get(self.provider) != precision:
            own = _FASTER.get(self.provider)
            raise UsageError(
                f"--precision {precision} is of no use on {self.provider}"
                + (f", which is faster in {own}" if own else ", which computes what the file says"),
                "leave it out, or give --provider OpenVINO --precision bf16 (CPUs), --device cuda --precision fp16",
            )
        if self.provider != openvino.PROVIDER:
            return replace(self, precision=precision)
        threads = self.threads or usable_cores()
        options = openvino.provider_options(precision, threads, workers(self, self.threads))
        return replace(self, precision=precision, options=options)


def choose_device(options: ModelOptions) -> Device:
    """The device that was asked for, set to the precision; `auto` is CUDA where a GPU can be used, else the CPU.

    Raises `UsageError` for a device that there is not, and for a precision that it has no use for.
    """
    device = replace(_asked_for(options), threads=options.threads)
    return device.computing(options.precision if options.precision in REDUCED else "float32")


def _asked_for(options: ModelOptions) -> Device:
    if options.provider:
        return _named_provider(options.provider)
    if options.device == "cpu":
        return Device(_CPU, {}, "cpu")
    if options.device == "auto":
        usable = _CUDA in ort.get_available_providers() and _has_nvidia_driver()
        return _cuda(0) if usable else Device(_CPU, {}, "cpu")
    if match := re.fullmatch(r"cuda(?::(\d+))?", options.device):
        return _cuda(int(match[1] or 0))
    raise UsageError(f"--device {options.device} is not known", "choose auto, cpu, cuda or cuda:N; or give --provider")


def workers(device: Device, threads: int | None) -> int:
    """How many calls to run side by side: one per core on a CPU, each with one thread; one on other devices.

    OpenVINO has a stream for each; with one caller and all threads it was slower (docs/how-to/devices.md).
    """
    if device.provider not in (_CPU, openvino.PROVIDER):
        return 1
    return min(threads or usable_cores(), _MOST_WORKERS)


def usable_cores() -> int:
    """Cores that this process may use, which can be fewer than the machine has."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def make_session(
    model: onnx.ModelProto, folder: Path, device: Device, threads: int, optimized: bool = True
) -> ort.InferenceSession:
    """A session on `device`, each call with so many threads (0: all cores); not `optimized`: node by node.

    On other devices than the CPU, nodes of `model` without a name get one. Raises `ModelError` where the model cannot
    run there, or would run elsewhere.
    """
    providers, session_options = [(device.provider, device.options)], _session_options(folder, threads, optimized)
    if device.provider != _CPU:
        providers.append((_CPU, {}))  # for single operators that the device lacks: `placement` says which
        placement.record(session_options, model)
    if device.precision == "fp16":
        model = in_half_precision(model, folder)
    try:
        session = ort.InferenceSession(model.SerializeToString(), session_options, providers=providers)
    except Exception as problem:  # onnxruntime raises its own C++ exceptions, without a common base
        raise session_error(problem) from None
    if session.get_providers()[0] != device.provider:
        raise ModelError(
            f"{device.provider} could not be used: onnxruntime fell back to {session.get_providers()[0]}",
            "install its libraries (CUDA: `pip install torch` with CUDA brings them), or say --device cpu",
        )
    # onnxruntime's wrapper keeps the file's bytes to open them again elsewhere, which viz never asks for; the
    # weights would be there twice.
    if hasattr(session, "_model_bytes"):
        session._model_bytes = b""
    return session


def session_error(problem: Exception) -> ModelError:
    """onnxruntime's exception as ours; running out of memory is told apart, because a smaller batch may fit."""
    text = " ".join(str(problem).split())
    if _MEMORY.search(text):
        return OutOfMemory(f"out of memory: {text[:200]}", "use a smaller --batch-size")
    return ModelError(f"onnxruntime cannot run this model: {text[:400]}", _advice(text))


def _advice(text: str) -> str:
    if "Could not find an implementation" in text or "NOT_IMPLEMENTED" in text:
        return "this onnxruntime has no kernel for that operator version: convert the file to a newer opset"
    if "opset" in text.lower() or "IR version" in text:
        return "the file is newer than this onnxruntime: upgrade onnxruntime, or export with an older opset"
    return "check the file with `python -m onnx.checker FILE`"


def _session_options(folder: Path, threads: int, optimized: bool) -> ort.SessionOptions:
    levels = ort.GraphOptimizationLevel
    options = ort.SessionOptions()
    options.log_severity_level = 4  # errors come back as exceptions, which say the same
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimized else levels.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    # Sessions are made from bytes, so onnxruntime must be told where external data lies.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder.absolute()))
    return options


def _named_provider(name: str) -> Device:
    available = ort.get_available_providers()
    known = {p.removesuffix("ExecutionProvider").lower(): p for p in available}
    found = name if name in available else known.get(name.lower())
    if found is None:
        listing = "installed here: " + ", ".join(available) + "; docs/how-to/devices.md says which package has which"
        raise UnknownName("execution provider", name, available, listing)
    if found == _CUDA:
        return _cuda(0)
    return Device(found, {}, "cpu" if found == openvino.PROVIDER else found)


def _cuda(index: int) -> Device:
    if _CUDA not in ort.get_available_providers():
        raise ModelError("this onnxruntime was built without CUDA", "pip install onnxruntime-gpu, or say --device cpu")
    if not _has_nvidia_driver():
        raise ModelError("no NVIDIA driver was found on this machine", "say --device cpu")
    if hasattr(ort, "preload_dlls"):
        ort.preload_dlls()  # finds the CUDA libraries that torch's wheels bring
    return Device(_CUDA, {"device_id": str(index), **_CUDA_OPTIONS}, f"cuda:{index}")


def _has_nvidia_driver() -> bool:
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def runtime(device: Device) -> str:
    """What a record and the summary call the runtime."""
    through = " with OpenVINO" if device.provider == openvino.PROVIDER else ""
    precision = f" in {device.precision}" if device.precision in REDUCED else ""
    return f"onnxruntime {ort.__version__}{through}{precision}"


def details(device: Device) -> dict[str, str]:
    """What a record says about how the device was told to compute; {} where it was told nothing."""
    if device.provider in _FASTER:
        return {"provider": device.provider, "precision": device.precision}
    return {"precision": device.precision} if device.precision in REDUCED else {}
