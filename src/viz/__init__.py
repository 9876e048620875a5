"""viz: look inside image models."""
