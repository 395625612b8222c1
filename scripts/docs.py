"""Make what the docs take from the code: docs/job.schema.json and the tables of docs/parameters.md.

python scripts/docs.py            write them
python scripts/docs.py --check    change nothing, and fail where one is stale
"""

from __future__ import annotations

import sys
from pathlib import Path

from splatworker.commands import schema
from splatworker.contract import reference

DOCS = Path(__file__).parents[1] / "docs"


def made() -> dict[Path, str]:
    """Every generated file with what it should hold."""
    page = DOCS / "parameters.md"
    return {DOCS / "job.schema.json": schema.text(), page: reference.in_page(page.read_text(encoding="utf-8"))}


def main(argv: list[str]) -> int:
    """Write or check; the exit status."""
    stale = {path: text for path, text in made().items() if not path.is_file() or path.read_text("utf-8") != text}
    if argv == ["--check"]:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(DOCS.parent)} is stale: run .venv/bin/python scripts/docs.py\n")
        return 1 if stale else 0
    if argv:
        sys.stderr.write(__doc__ or "")
        return 2
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
