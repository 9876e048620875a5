"""The nouns of viz: models, targets, techniques, images, results. Imports nothing else of viz."""
