"""Of which sources the kernels are made, as one hash: a wheel carries it beside its compiled modules.

    python kernels/source_hash.py -o kernels.sha256

A folder whose sources have the same hash can do with these modules and needs no compiler (scripts/setup).
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

NAME = "kernels.sha256"
"""The file beside the modules, in a wheel's package."""


def source_hash(root: Path) -> str:
    """The hash of a project's kernels: of names and contents, in the names' order."""
    files = [root / "CMakeLists.txt", *(path for path in (root / "kernels").rglob("*") if path.is_file())]
    digest = hashlib.sha256()
    for path in sorted(files):
        if "__pycache__" not in path.parts:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def main() -> None:
    """Write the hash of the project that this file belongs to."""
    parser = argparse.ArgumentParser(description="Write the hash of the kernels' sources.")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.parse_args().output.write_text(source_hash(Path(__file__).parents[1]) + "\n")


if __name__ == "__main__":
    main()
