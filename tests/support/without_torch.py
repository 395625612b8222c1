"""Processes to which torch is not installed, and those that they start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ABSENT = """\
import sys
from importlib.machinery import PathFinder

class Absent(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {"torch", "functorch"} else super().find_spec(name, path, target)

sys.meta_path = [Absent if finder is PathFinder else finder for finder in sys.meta_path]
"""
"""Run by Python itself, before anything else: torch is found nowhere."""

IN_TURN = """\
import json, sys
from splatworker import cli
for command in json.load(sys.stdin):
    status = cli.main(command)
    if status:
        sys.exit(f"{command} ended with {status}")
try:
    import torch
except ModuleNotFoundError:
    sys.exit(0)
sys.exit("torch could be loaded: this shows nothing")
"""


def without_torch(folder: Path) -> Mapping[str, str]:
    """The environment of such a process; `folder` is there for it alone."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(ABSENT)
    return {**os.environ, "PYTHONPATH": str(folder)}


def run_in_turn(folder: Path, commands: Sequence[Sequence[str | Path]]) -> subprocess.CompletedProcess[str]:
    """Commands of `splatworker`, one after the other in one process without torch, until one fails."""
    return subprocess.run(
        [sys.executable, "-c", IN_TURN],
        input=json.dumps([[str(word) for word in command] for command in commands]),
        env=without_torch(folder), capture_output=True, text=True, check=False,
    )  # fmt: skip
