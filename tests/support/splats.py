"""Splats to store, and the tools of others that read what we write."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.gaussian_scenes import random_gaussians

from splatworker.formats.gaussians import Gaussians
from splatworker.render.tensors import to_gaussians

VIEWER = Path(__file__).parents[2] / "viewer"


@pytest.fixture(params=[0, 1, 2, 3], ids=lambda degree: f"degree{degree}")
def splat(request: pytest.FixtureRequest) -> Gaussians:
    gaussians = random_gaussians(1000, sh_degree=request.param, seed=request.param)
    # What every format can hold: colours that a screen shows, harmonics up to 1.
    return to_gaussians(
        gaussians._replace(sh_dc=gaussians.sh_dc.clamp(-1.7, 1.7), sh_rest=gaussians.sh_rest.clamp(-0.8, 0.8))
    )


def _find_node() -> str | None:
    """Node 22 or later: that of viewer/node_modules, or the system's."""
    for candidate in [*VIEWER.glob("node_modules/node-*/bin/node"), shutil.which("node")]:
        if candidate is None:
            continue
        answer = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
        version = re.match(r"v(\d+)", answer.stdout)
        if answer.returncode == 0 and version and int(version[1]) >= 22:
            return str(candidate)
    return None


@pytest.fixture(scope="session")
def node() -> str:
    """Node 22 or later."""
    program = _find_node()
    if program is None:
        pytest.skip("there is no Node 22 or later: npm ci --ignore-scripts in viewer/ brings one")
    return program


@pytest.fixture(scope="session")
def splat_transform(node: str) -> Callable[..., None]:
    """PlayCanvas's converter of splats, the independent reader and writer: `splat_transform(source, target, ...)`."""
    cli = VIEWER / "node_modules" / "@playcanvas" / "splat-transform" / "bin" / "cli.mjs"
    if not cli.is_file():
        pytest.skip("splat-transform is not installed: npm ci --ignore-scripts in viewer/")

    def run(source: Path, target: Path, *options: str) -> None:
        command = [node, str(cli), "-q", "-w", "-g", "cpu", *options, str(source), str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return run
