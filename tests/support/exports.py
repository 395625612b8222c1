"""A finished export, and a reporter that remembers what it was told."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple


class Told:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, float]] = []
        self.warnings: list[str] = []

    def progress(self, step: str, fraction: float) -> None:
        self.steps.append((step, fraction))

    def warning(self, message: str) -> None:
        self.warnings.append(message)


class Exported(NamedTuple):
    """A finished export: its folder, result and what it told."""

    folder: Path
    result: dict[str, Any]
    told: Told
