"""What does the model want to see?"""
