"""For all tests: the package's environment is set before torch loads; a small scene whose splat is known."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Tests start thousands of processes, of which each would compile the same modules where Python is told to keep none.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# As splatworker.cli has it: threads of numpy's that have nothing to do spin, and tests went twice as slow for them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import splatworker  # noqa: E402, F401 - sets how torch's threads wait, before torch is imported

# A busy machine is no fault of the code: no test watches the clock. And every run draws the same examples: what one in
# ten thousand breaks is to be found by whoever looks for it (`--hypothesis-profile=search`, as scripts/test-hard does),
# not by whoever changes something else.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, database=None
)
settings.register_profile("search", settings.get_profile("patient"), derandomize=False, max_examples=500)
settings.load_profile("patient")

# What a shell runs in its background is deaf to Ctrl+C, and so would be every command that tests start and stop.
signal.signal(signal.SIGINT, signal.default_int_handler)


LONGEST_S = 3600
"""Of a test that is marked slow or real: what ends it is a machine that hangs, not one that is slow."""

TOGETHER = ("export", "sfm")
"""Folders whose tests share what is made once, at some expense: of several processes one runs all of a folder's."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give long tests their time."""
    for item in items:
        if any(item.get_closest_marker(kind) for kind in ("slow", "real")) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LONGEST_S))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Who runs what when tests are spread over processes (`pytest -n 2`): groups of xdist do nothing in pytest 9.2."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class ByFolder(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            folder = nodeid.split("/")[1] if nodeid.count("/") > 1 else ""
            return folder if folder in TOGETHER else nodeid

    return ByFolder(config, log)


@pytest.fixture(scope="session")
def tiny_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene folder of 12 pictures of 48x36 pixels, drawn once."""
    from support.scene_folders import write_scene

    return write_scene(tmp_path_factory.mktemp("scenes") / "tiny")


@pytest.fixture
def own_workspaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Workspaces of jobs go to a folder of the test's own, and none is left behind."""
    folder = tmp_path / "workspaces"
    folder.mkdir()
    monkeypatch.setenv("SPLATWORKER_WORKSPACE", str(folder))
    yield
    assert list(folder.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB, where a disk can really be full."""
    import subprocess

    folder = tmp_path / "small_disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("only root may mount a small file system here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
