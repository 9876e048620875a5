"""Any torch model, forward: modules, torch.export programs and TorchScript."""
