"""For a process that has this folder on its PYTHONPATH: torch is not installed, whatever there is."""

import sys


class Without:
    """A finder of modules that does not find torch."""

    def __init__(self, finder):
        self._finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] == "torch" else self._finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self._finder, name)


sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
