"""How good is a map?"""
