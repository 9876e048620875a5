"""From what `--model` says to a torch model in memory."""
