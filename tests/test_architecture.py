"""Arrows go down only: who may import whom, in one table, and what the worker's own process never loads."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]

LAYERS: tuple[tuple[str, ...], ...] = (
    ("handler",),
    ("__main__",),
    ("cli",),
    ("worker", "commands"),
    ("pipeline",),
    ("contract",),
    ("video", "photos", "sfm", "train", "export", "deliver"),
    ("contract.outputs",),
    ("render.cli",),
    ("splat_files",),
    ("render",),
    ("stages",),
    ("formats", "network"),
    ("machine",),
    ("errors", "_cpu", "_cuda", "_features", "_matching", "_adjustment", "_two_view", "_mapping", "_undistortion"),
)
"""Rooms, and modules that stand apart from theirs, from the top down: each may import what is below it, and itself.

Rooms of one line do not know each other. `contract.outputs` names what can be made of a splat, for whoever asks and for
whoever makes it; nothing else of a job is known below the pipeline.
"""

LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

ROOT_MODULES = {"__init__.py", "__main__.py", "cli.py", "errors.py"}


def sources() -> list[Path]:
    return [*sorted((ROOT / "splatworker").rglob("*.py")), ROOT / "handler.py"]


def name_of(path: Path) -> str:
    """A module's name less the package's: "train.density", "render" for its __init__, "" for the package's own."""
    words = path.relative_to(ROOT).with_suffix("").parts
    words = words[1:] if words[0] == "splatworker" else words
    return ".".join(word for word in words if word != "__init__" or len(words) == 0)


MODULES = {name_of(path): path for path in sources()}


def imports(path: Path) -> set[str]:
    """The modules of ours that a module imports, wherever in it: at its top, in a function, or for its types."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "splatworker":
            parent = node.module.partition(".")[2]
            for alias in node.names:
                inner = f"{parent}.{alias.name}".strip(".")
                found.add(inner if inner in MODULES or inner.startswith("_") else parent)
        elif isinstance(node, ast.Import):
            found |= {
                alias.name.partition(".")[2] for alias in node.names if alias.name.partition(".")[0] == "splatworker"
            }
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
    return found - {""}


def place(module: str) -> str:
    """The entry of the table that a module belongs to: its own, or its room's."""
    return module if module in LEVEL else module.partition(".")[0]


def trespasses(module: str, imported: set[str]) -> list[str]:
    """Which of the imports go up, or across."""
    here = place(module)
    return [
        f"{module or 'splatworker'} imports {other}"
        for other in sorted(imported)
        if place(other) != here and LEVEL[place(other)] <= LEVEL[here]
    ]


@pytest.mark.parametrize("module", MODULES)
def test_every_arrow_goes_down(module: str) -> None:
    assert place(module) in LEVEL or module == "", f"{module} has no place in the table"
    if module:
        assert not trespasses(module, imports(MODULES[module]))


def test_an_arrow_up_or_across_is_found() -> None:
    assert trespasses("formats.scene", {"render.interface"})
    assert trespasses("train.cli", {"export.cli"})
    assert trespasses("export.cli", {"contract.job"})
    assert not trespasses("export.cli", {"contract.outputs", "formats.scene", "export.film"})


def test_no_circle() -> None:
    """Not within a room either: of two modules at most one knows the other."""
    arrows = {module: imports(path) & MODULES.keys() for module, path in MODULES.items()}
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way[way.index(module) :], module))
        if module not in done:
            for other in arrows[module]:
                visit(other, (*way, module))
            done.add(module)

    for module in arrows:
        visit(module, ())


def test_four_files_at_the_root() -> None:
    assert {path.name for path in (ROOT / "splatworker").glob("*.py")} == ROOT_MODULES


@pytest.mark.parametrize("room", sorted({name.partition(".")[0] for name in MODULES if "." in name}))
def test_every_room_says_what_it_is_for(room: str) -> None:
    words = ast.get_docstring(ast.parse((ROOT / "splatworker" / room / "__init__.py").read_text())) or ""
    for part in ("In:", "Out:", "Does not know:"):
        assert part in words, f"splatworker/{room}/__init__.py does not say '{part}'"


@pytest.mark.parametrize("room", ["sfm", "train", "video"])
def test_a_room_that_lists_its_modules_lists_all(room: str) -> None:
    words = ast.get_docstring(ast.parse((ROOT / "splatworker" / room / "__init__.py").read_text())) or ""
    modules = {path.stem for path in (ROOT / "splatworker" / room).glob("[a-z]*.py")}
    assert modules <= set(re.findall(r"\w+", words)), modules - set(re.findall(r"\w+", words))


KNOW_CUDA = ("render", "machine", "sfm", "video.ffmpeg")
"""Who may know that a GPU is one of CUDA: who draws, who describes the machine; and COLMAP and ffmpeg have
their own."""


def knows_cuda(path: Path) -> list[int]:
    """The lines on which a module calls torch.cuda, or asks whether something is "cuda".

    An option may offer the word, and a report may say it.
    """
    lines = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Attribute(value=ast.Name("torch"), attr="cuda"):
                lines.append(node.lineno)
            case ast.Compare(left=left, comparators=others) if any(_is_cuda(side) for side in (left, *others)):
                lines.append(node.lineno)
            case ast.IfExp(body=body, orelse=other) if _is_cuda(body) or _is_cuda(other):
                lines.append(node.lineno)
            case ast.MatchValue(value=value) if _is_cuda(value):
                lines.append(node.lineno)
    return lines


def _is_cuda(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Constant) and part.value == "cuda" for part in ast.walk(node))


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith(KNOW_CUDA)])
def test_few_know_of_cuda(module: str) -> None:
    assert knows_cuda(MODULES[module]) == [], f"{module}: ask splatworker.render.device"


def test_cuda_is_found(tmp_path: Path) -> None:
    code = 'torch.cuda.synchronize()\nx = 1 if d.type == "cuda" else 2\ny = "cuda" if x else "cpu"\nz = ["cuda"]\n'
    (tmp_path / "a.py").write_text(code)
    assert sorted(set(knows_cuda(tmp_path / "a.py"))) == [1, 2, 3]


KNOW_TORCH = ("render", "train")
"""Who may load torch: whoever draws and trains, on a GPU. The others ask `render.arrays`, and work without it."""


def loads_torch(path: Path) -> list[int]:
    """The lines on which a module imports torch, or a part of it, wherever in it; for its types, too."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names) if any(_is_torch(alias.name) for alias in names):
                lines.append(node.lineno)
            case ast.ImportFrom(module=str(name), level=0) if _is_torch(name):
                lines.append(node.lineno)
            case ast.Call(args=[ast.Constant(value="torch"), *_], func=ast.Name("import_module")):
                lines.append(node.lineno)
    return lines


def _is_torch(name: str) -> bool:
    return name.partition(".")[0] == "torch"


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith(KNOW_TORCH)])
def test_torch_is_not_needed(module: str) -> None:
    assert loads_torch(MODULES[module]) == [], f"{module}: ask splatworker.render.arrays"


def test_torch_is_found(tmp_path: Path) -> None:
    code = "import torch.nn as nn\ndef f():\n    from torch import zeros\nimport torchvision\nimport_module('torch')\n"
    (tmp_path / "a.py").write_text(code)
    assert sorted(loads_torch(tmp_path / "a.py")) == [1, 3, 5]


@pytest.mark.parametrize("module", ["handler", "splatworker.worker.runpod_queue", "splatworker.commands.run"])
def test_the_worker_loads_neither_torch_nor_colmap_nor_what_speaks_http(module: str) -> None:
    heavy = "{'torch', 'pycolmap', 'numpy', 'PIL', 'requests', 'urllib3', 'stamina', 'standardwebhooks'}"
    code = f"import sys, {module}; sys.exit(', '.join(sorted({heavy} & sys.modules.keys())) or 0)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@cache
def distribution(module: str) -> str:
    """What brings a module, by the name that pip knows."""
    return canonicalize_name(metadata.packages_distributions().get(module, [module])[0])


@cache
def installed() -> set[str]:
    """What the package asks pip for, its extras included, and what these ask for themselves."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    names = {canonicalize_name(Requirement(line).name) for line in asked}
    there = {distribution.name for distribution in metadata.distributions()}
    theirs = (line for name in there if canonicalize_name(name) in names for line in metadata.requires(name) or ())
    return names | {canonicalize_name(Requirement(line).name) for line in theirs if "extra ==" not in line}


def strangers(path: Path) -> set[str]:
    """The libraries that a module imports, wherever in it, which are neither Python's nor ours."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                found |= {alias.name.partition(".")[0] for alias in names}
            case ast.ImportFrom(module=str(name), level=0):
                found.add(name.partition(".")[0])
    return found - sys.stdlib_module_names - {"splatworker"}


def test_what_is_imported_is_installed() -> None:
    """Tests have libraries that the package does without: one that it imports would be missed everywhere else."""
    missed = {
        f"{module}: {name}"
        for module, path in MODULES.items()
        for name in strangers(path)
        if distribution(name) not in installed()
    }
    assert missed == set()


def test_a_library_of_the_tests_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import os, numpy as np\ndef f():\n    from scipy import ndimage\n")
    assert strangers(tmp_path / "a.py") == {"numpy", "scipy"}
    assert distribution("numpy") in installed()
    assert distribution("scipy") not in installed()


@pytest.mark.parametrize("path", sorted((ROOT / "splatworker").rglob("*.py")), ids=lambda path: path.stem)
def test_pictures_are_opened_as_what_they_may_be(path: Path) -> None:
    """Pillow has sixty decoders, and few of them were ever meant for a stranger's file."""
    opened = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Image.open"
    ]
    assert all("formats" in [keyword.arg for keyword in call.keywords] for call in opened), path
