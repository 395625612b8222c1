"""Take the compiled kernels out of a wheel, for a folder whose kernels' sources are those that the wheel was made of.

    python scripts/take_kernels.py FILE.whl FOLDER

For scripts/setup: this project's Python runs with what is in FOLDER. Status 1, and a sentence, where the wheel was made
of other sources.
"""

from __future__ import annotations

import re
import runpy
import shutil
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = runpy.run_path(str(ROOT / "kernels" / "source_hash.py"))

# Modules, and libraries that they were made to bring along.
_COMPILED = re.compile(r"splatworker/_\w+(\.[\w-]+)?\.(so|pyd)|splatworker(\.libs|/\.dylibs)/[\w.+-]+")


def take(wheel: Path, folder: Path) -> str | None:
    """Fill a folder with a wheel's compiled modules; why not, where they are others than this project's."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        record = f"splatworker/{SOURCES['NAME']}"
        made_of = archive.read(record).decode().strip() if record in names else "sources that it does not name"
        if made_of != SOURCES["source_hash"](ROOT):
            return f"{wheel.name} was made of other kernels than those here ({made_of[:12]}...)"
        shutil.rmtree(folder, ignore_errors=True)
        for name in names:
            if _COMPILED.fullmatch(name):
                archive.extract(name, folder)
    return None


def main(arguments: list[str]) -> int:
    """The command; its exit status."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    why_not = take(Path(arguments[0]), Path(arguments[1]))
    if why_not:
        print(f"scripts/setup: {why_not}.", file=sys.stderr)
    return int(why_not is not None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
