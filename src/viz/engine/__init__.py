"""Where a run's work goes: read ahead, run the model, draw and save behind it."""
