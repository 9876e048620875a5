"""Techniques that fool a model: from a photo with the smallest change, or from noise."""
