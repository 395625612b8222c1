"""Compiled kernels out of a wheel: those that were made of this folder's sources, and no others."""

from __future__ import annotations

import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import splatworker
from splatworker import _cpu

ROOT = Path(__file__).parents[1]
HERE = runpy.run_path(str(ROOT / "kernels" / "source_hash.py"))
MODULES = ["splatworker/_cpu.abi3.so", "splatworker/_features.cpython-311-x86_64-linux-gnu.so"]
LIBRARIES = ["splatworker.libs/libgomp-24e2ab19.so.1.0.0", "splatworker/.dylibs/libomp.dylib"]
OTHERS = [
    "splatworker/__init__.py",
    "splatworker/_cpu.pyi",
    "splatworker.libs/../../x",
    "splatworker-0.2.0.dist-info/WHEEL",
]


def wheel(folder: Path, made_of: str | None) -> Path:
    path = folder / "splatworker-0.2.0-cp311-cp311-linux_x86_64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in [*MODULES, *LIBRARIES, *OTHERS]:
            archive.writestr(name, name)
        if made_of is not None:
            archive.writestr("splatworker/kernels.sha256", made_of + "\n")
    return path


def take(path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "take_kernels.py"), str(path), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_was_made_of_the_same_sources_is_taken_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "taken" / "splatworker").mkdir(parents=True)
    (tmp_path / "taken" / "splatworker" / "_old.so").touch()
    done = take(wheel(tmp_path, HERE["source_hash"](ROOT)), tmp_path / "taken")
    assert done.returncode == 0, done.stderr
    taken = {
        path.relative_to(tmp_path / "taken").as_posix() for path in (tmp_path / "taken").rglob("*") if path.is_file()
    }
    assert taken == {*MODULES, *LIBRARIES}
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("made_of", ["0" * 64, None])
def test_other_kernels_are_not(tmp_path: Path, made_of: str | None) -> None:
    done = take(wheel(tmp_path, made_of), tmp_path / "taken")
    assert done.returncode == 1
    assert "made of other kernels than those here" in done.stderr
    assert not (tmp_path / "taken").exists()


def test_every_file_of_the_kernels_counts(tmp_path: Path) -> None:
    (tmp_path / "kernels" / "cpu").mkdir(parents=True)
    (tmp_path / "CMakeLists.txt").write_text("a")
    hashes = [HERE["source_hash"](tmp_path)]
    for name, text in (("a.cpp", "b"), ("a.cpp", "c"), ("b.h", ""), ("__pycache__/x.pyc", "d")):
        (tmp_path / "kernels" / "cpu" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "kernels" / "cpu" / name).write_text(text)
        hashes.append(HERE["source_hash"](tmp_path))
    (tmp_path / "CMakeLists.txt").write_text("e")
    assert hashes[-1] == hashes[-2]  # compiled Python is none of its sources
    assert len({*hashes, HERE["source_hash"](tmp_path)}) == 5


def test_what_is_built_says_of_what_it_was_made() -> None:
    folders = (*splatworker.__path__, str(Path(str(_cpu.__file__)).parent))
    beside = [Path(folder) / str(HERE["NAME"]) for folder in folders]
    written = {path.read_text().strip() for path in beside if path.exists()}
    assert written == {HERE["source_hash"](ROOT)}, "scripts/setup builds the kernels again"
