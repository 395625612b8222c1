"""What a job's stages may leave behind: processes and workspaces."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

from support.waiting import PATIENCE_S

MARK = "SPLATWORKER_TEST_MARK"


class Traces:
    """What a test's stages may leave behind: processes that bear its mark, and workspaces."""

    def __init__(self, folder: Path) -> None:
        self.mark = uuid.uuid4().hex
        self.folder = folder

    def processes(self) -> list[str]:
        """Command lines of living processes with this test's mark, the test itself left out."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if int(entry.name) == os.getpid() or self.mark.encode() not in (entry / "environ").read_bytes():
                    continue
                if (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z":
                    found.append((entry / "cmdline").read_text(errors="replace").replace("\0", " "))
            except OSError:
                continue
        return found

    def workspaces(self) -> list[Path]:
        return list(self.folder.iterdir())

    def wait_until_gone(self, seconds: float = PATIENCE_S) -> list[str]:
        """The processes that are still alive after that time."""
        end = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < end:
            time.sleep(0.05)
        return left
