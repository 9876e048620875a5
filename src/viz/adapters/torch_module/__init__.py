"""Any torch model, forward and backward: modules, torch.export programs and TorchScript."""
