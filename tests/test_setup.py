"""scripts/setup: when kernels are compiled, and when those of a wheel are taken."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from support.project_scripts import ROOT, Runner, project_with_stand_ins

from splatworker import __version__

PYTHON = """#!/bin/sh
echo "$* [${{SKBUILD_WHEEL_CMAKE:-}} ${{SKBUILD_WHEEL_FORCE_INCLUDE:-}} ${{SKBUILD_CMAKE_DEFINE:-}}]" >>"$CALLS"
case "$*" in
  *" download "*) mkdir -p build/wheel && touch build/wheel/splatworker.whl ;;
  *take_kernels*) exit ${{OTHER_KERNELS:-0}} ;;
  -c*tomllib*) exec {python} "$@" ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return project_with_stand_ins(tmp_path)


@pytest.fixture
def set_up(project: Path) -> Runner:
    """With a .venv whose Python says what it is asked, and answers as pip and the others would."""
    run = Runner(project)
    shutil.copy(ROOT / "scripts" / "setup", project / "scripts")
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").write_text(PYTHON.format(python=sys.executable))
    (project / ".venv" / "bin" / "python").chmod(0o755)
    for tool in ("rm", "touch"):
        (run.bin / tool).symlink_to(shutil.which(tool) or tool)
    return run


def called(run: Runner, words: str) -> str:
    (found,) = [line for line in run.calls if words in line]
    return found


def test_setup_takes_the_kernels_of_a_wheel_that_fits(set_up: Runner, project: Path) -> None:
    (project / "dist").mkdir()
    (project / "dist" / f"splatworker-{__version__}-cp311-cp311-linux_x86_64.whl").touch()
    assert set_up("scripts/setup").returncode == 0
    assert f"--find-links dist -d build/wheel splatworker=={__version__}" in called(set_up, " download ")
    installed = called(set_up, "-e .[colmap,worker]")
    assert installed.endswith(f"[false {project}/build/compiled/splatworker=splatworker ]")
    assert [line for line in set_up.calls if "/dev/fd" in line] == []  # nothing that builds
    assert "install -q scikit-build-core==" in called(set_up, "scikit-build-core==")


@pytest.mark.parametrize("why", ["no wheel", "other kernels", "told not to", "for tests"])
def test_setup_compiles_them_otherwise(set_up: Runner, project: Path, why: str) -> None:
    environment: dict[str, str] = {}
    if why != "no wheel":
        (project / "dist").mkdir()
        (project / "dist" / f"splatworker-{__version__}-cp311-cp311-linux_x86_64.whl").touch()
    if why == "other kernels":
        environment["OTHER_KERNELS"] = "1"
    if why == "told not to":
        environment["SPLATWORKER_WHEELS"] = ""
    done = set_up("scripts/setup", *(["lock"] if why == "for tests" else []), **environment)
    assert done.returncode == 0, done.stderr
    assert ("its kernels are compiled here" in done.stderr) == (why == "other kernels")
    installed = called(set_up, "-e .[colmap,worker]")
    cuda = "AUTO" if why == "for tests" or Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists() else "OFF"
    assert installed.endswith(f"[  SPLATWORKER_CUDA={cuda}]")
    assert len([line for line in set_up.calls if "-r /dev/fd" in line]) == 2
