"""An ONNX file as a differentiable torch program: our own executor, node by node, every tensor by its ONNX name."""
