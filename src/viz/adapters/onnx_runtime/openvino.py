"""OpenVINO's execution provider on a CPU: what it is told about number formats and threads."""

import json

PROVIDER = "OpenVINOExecutionProvider"

_HINTS = {"float32": "f32", "bf16": "bf16"}


def provider_options(precision: str, threads: int, streams: int) -> dict[str, str]:
    """Options for sessions that compute in `precision`, float32 or bf16.

    `streams` calls go on side by side, with `threads` threads in all. The number format is always said: OpenVINO
    by itself takes bfloat16 wherever the CPU has it. It takes the onnxruntime option `precision` for float32 only,
    and its own settings as JSON; where the CPU has no bfloat16, it goes on in float32 without a word.
    """
    settings = {
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "INFERENCE_NUM_THREADS": str(threads),
        "NUM_STREAMS": str(streams),
    }
    return {"device_type": "CPU", "load_config": json.dumps({"CPU": settings})}
