"""Whether the installed onnx package knows the operator versions that a file uses."""

import onnx

from viz.core.errors import ModelError


def check_versions(model: onnx.ModelProto) -> None:
    """Raise `ModelError` for an operator set of the standard's that is newer than the installed onnx package."""
    newest = {"": onnx.defs.onnx_opset_version(), "ai.onnx": onnx.defs.onnx_opset_version()}
    newest["ai.onnx.ml"] = onnx.defs.onnx_ml_opset_version() if hasattr(onnx.defs, "onnx_ml_opset_version") else 5
    for entry in model.opset_import:
        known = newest.get(entry.domain)
        if known is not None and entry.version > known:
            raise ModelError(
                f"the model uses opset {entry.version} of {entry.domain or 'the standard operators'}, and onnx "
                f"{onnx.__version__} knows them to {known}",
                "pip install --upgrade onnx, or export the model with an older opset",
            )
