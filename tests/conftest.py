"""What all tests share."""

from hypothesis import settings

# How long an example takes depends on what else the machine does: it says nothing about the program.
settings.register_profile("runner", deadline=None)
settings.load_profile("runner")
