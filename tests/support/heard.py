"""A reporter that remembers what it was told."""

from __future__ import annotations

from splatworker.stages.progress import Silent


class Heard(Silent):
    """What a stage has said.

    Attributes:
        warnings: its sentences.
        fractions: how far it said to be, each time.
    """

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.fractions: list[float] = []

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def progress(self, step: str, fraction: float) -> None:
        self.fractions.append(fraction)
