"""What an ONNX graph says without being run: its input, tensors, layers, receptive fields, costs and scores."""
