"""The parts of the cluttered desk that ``examples/make_photos.py`` photographs."""
