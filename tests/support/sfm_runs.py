"""The stage `sfm` as a child process, and what it said."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Run:
    """What a child process said."""

    status: int
    events: list[dict[str, Any]]
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        assert self.status == 0, (self.events[-1:], self.stderr)
        assert self.events[-1]["event"] == "result"
        result: dict[str, Any] = self.events[-1]["result"]
        return result

    @property
    def error(self) -> dict[str, Any]:
        assert self.status == 1, self.stderr
        assert self.events[-1]["event"] == "error"
        return self.events[-1]

    @property
    def warnings(self) -> list[str]:
        return [event["message"] for event in self.events if event["event"] == "warning"]


def sfm_command(images: Path, scene: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "splatworker", "sfm", str(images), "-o", str(scene), "--json", *options]


def gone(scene: Path) -> bool:
    """Neither the scene nor anything half-written."""
    return not scene.exists() and not [path for path in scene.parent.iterdir() if scene.name in path.name]
