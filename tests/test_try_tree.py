"""docker/try-tree.sh: what is in the image runs without a Docker engine, with the machine's driver."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "docker" / "try-tree.sh"

PYTHON = """#!/bin/sh
echo "python $*" >>output/calls
echo "in $(pwd), from $PYTHONPATH"
if [ -e "$LD_LIBRARY_PATH/libcuda.so.1" ]; then echo "with a driver"; fi
if [ -e /proc/self/stat ] && [ -c /dev/null ] && [ ! -e /work_of_the_machine ]; then echo "in the tree"; fi
case "$*" in handler.py*) echo ply >output/point_cloud.ply ;; esac
"""


def may_mount() -> bool:
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A root file system that has a shell, and a shell script in the place of Python."""
    shell = Path(shutil.which("sh") or "").resolve()
    libraries = [word for word in subprocess.check_output(["ldd", shell], text=True).split() if word.startswith("/")]
    if "ld-linux-x86-64" not in " ".join(libraries):
        pytest.skip("made for x86-64")
    root = tmp_path / "tree"
    for folder in ("dev", "proc", "sys", "tmp", "mnt", "etc", "app/output", "bin", "usr/bin", "lib64", "opt/venv/bin"):
        (root / folder).mkdir(parents=True)
    (root / "lib").symlink_to("lib64")
    (root / "lib64" / "x86_64-linux-gnu").symlink_to(".")
    for library in libraries:
        shutil.copy(library, root / "lib64")
    shutil.copy(shell, root / "bin" / "sh")
    shutil.copy(shell, root / "usr" / "bin" / "python3")  # what the loader starts
    (root / "opt" / "venv" / "bin" / "python").write_text(PYTHON)
    (root / "opt" / "venv" / "bin" / "python").chmod(0o755)
    return root


def run(*words: str | Path, driver: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"LD_LIBRARY_PATH": "" if driver is None else str(driver)}
    command = [str(SCRIPT), *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not may_mount(), reason="needs the right to mount")
def test_the_tree_is_asked_how_it_does_and_then_for_a_job(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "driver").mkdir()
    (tmp_path / "driver" / "libcuda.so.1").touch()
    done = run("--by", "mounts", "--output", tmp_path / "out", tree, driver=tmp_path / "driver")
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "out" / "calls").read_text().splitlines()
    assert calls == ["python -m splatworker doctor --require-gpu", "python handler.py test_input.json"]
    assert (tmp_path / "out" / "point_cloud.ply").read_text() == "ply\n"
    said = done.stdout.splitlines()
    assert said[0] == f"try-tree.sh: the driver is {tmp_path}/driver/libcuda.so.1"
    assert said[1:5] == ["try-tree.sh: by mounts", "in /app, from /opt/splatworker", "with a driver", "in the tree"]
    assert not any((tree / "app" / "output").iterdir())  # what was mounted is gone
    assert not any((tree / "mnt").iterdir())


@pytest.mark.skipif(not may_mount(), reason="needs the right to mount")
def test_a_tar_and_a_command_of_ones_own(tree: Path, tmp_path: Path) -> None:
    subprocess.run(["tar", "cf", tmp_path / "tree.tar", "-C", tree, "."], check=True)
    done = run("--output", tmp_path / "out", tmp_path / "tree.tar", "python", "a word", "b")
    assert done.returncode == 0, done.stderr
    assert "try-tree.sh: by mounts" in done.stdout
    assert (tmp_path / "out" / "calls").read_text().splitlines()[-1] == "python a word b"


def test_without_any_right_the_trees_own_loader_starts_its_python(tree: Path, tmp_path: Path) -> None:
    ask = 'pwd; echo "$PYTHONHOME"; echo "$PYTHONPATH"; python -c "echo \\$0"; echo made >output/made'
    done = run("--by", "loader", "--output", tmp_path / "out", tree, "python", "-c", ask)
    assert done.returncode == 0, done.stderr
    where, home, path, started = done.stdout.splitlines()[-4:]
    assert where.endswith("/app")
    assert home == f"{tree}/usr"
    assert path.startswith(f"{tree}/opt/splatworker:{tree}/opt/venv/lib/python3/")
    assert started.endswith("/bin/python")  # a stage that it starts is started likewise
    assert (tmp_path / "out" / "made").read_text() == "made\n"


@pytest.mark.parametrize("words", [(), ("--by", "magic", "TREE"), ("--unknown", "TREE"), ("--output",), ("--by",)])
def test_a_wrong_command_line_is_a_usage_error(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "docker/try-tree.sh [--by WAY]" in done.stderr


def test_a_folder_that_is_no_image_is_refused(tmp_path: Path) -> None:
    done = run("--output", tmp_path / "out", tmp_path)
    assert done.returncode == 1
    assert "it is not the image's root file system" in done.stderr
