"""The techniques: folder = family, file = technique = command. Found by walking this package."""
