"""Where a model's preprocessing and labels are said: flags, files beside the model, metadata, the zoo, or nowhere."""
