"""structlog without what it would load beside."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
{before}
from splatworker.stages.structured_log import structlog
print(sorted(name for name in sys.modules if name.partition(".")[0] == "rich"))
structlog.get_logger().info("said")
import rich.console
print(rich.console.Console.__name__)
"""


def told(before: str = "") -> list[str]:
    command = [sys.executable, "-c", CODE.format(before=before)]
    return subprocess.check_output(command, text=True).splitlines()


def test_rich_is_not_loaded_and_whoever_wants_it_later_has_it() -> None:
    nothing, said, name = told()
    assert nothing == "[]"
    assert "said" in said
    assert name == "Console"


def test_what_was_loaded_before_stays() -> None:
    there, _, name = told("import rich")
    assert "'rich'" in there
    assert name == "Console"
