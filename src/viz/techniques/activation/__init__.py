"""What do the neurons respond to?"""
