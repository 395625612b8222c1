"""The project's shell scripts in a folder of their own, with stand-ins for the programs that they call."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPTS = ["test-local.sh", "build.sh", "upload-runpod.sh", "upload-test-images.sh", "generate-presigned-urls.sh"]

STAND_IN = """#!/bin/sh
printf '%s\\n' "$*" >>"$CALLS"
case "$(basename "$0") $1 ${2:-}" in
  $FAIL) exit 1 ;;
esac
"""


def project_with_stand_ins(tmp_path: Path) -> Path:
    """A copy of what the scripts need, and a PATH of stand-ins and of a few of the system's tools."""
    folder = tmp_path / "project"
    (folder / "scripts").mkdir(parents=True)
    for name in [*SCRIPTS, "pyproject.toml", "test_input.json"]:
        shutil.copy(ROOT / name, folder)
    shutil.copy(ROOT / "scripts" / "presign.py", folder / "scripts")
    (folder / "splatworker").mkdir()
    shutil.copy(ROOT / "splatworker" / "__init__.py", folder / "splatworker")
    (tmp_path / "bin").mkdir()
    for tool in ("bash", "sh", "sed", "find", "sort", "dirname", "basename", "id", "mkdir", "cat", "env"):
        found = shutil.which(tool)
        assert found, tool
        (tmp_path / "bin" / tool).symlink_to(found)
    (tmp_path / "bin" / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tmp_path / "bin" / "python3").chmod(0o755)
    return folder


class Runner:
    def __init__(self, project: Path) -> None:
        self.project = project
        self.bin = project.parent / "bin"
        self.calls_file = project.parent / "calls"

    def stand_in(self, *names: str) -> None:
        for name in names:
            (self.bin / name).write_text(STAND_IN)
            (self.bin / name).chmod(0o755)

    def __call__(
        self, script: str, *arguments: str, fail: str = "nothing", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.project / script), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": str(self.bin), "CALLS": str(self.calls_file), "FAIL": fail, **environment},
            cwd="/",
        )

    @property
    def calls(self) -> list[str]:
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
