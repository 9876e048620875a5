"""What in this image made the model say that?"""
