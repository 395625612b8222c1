"""For docker/compare-images.sh: a tar on standard input as a list; or, given two lists, how they differ."""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

READ_AT_ONCE = 2**20
Entry = tuple[str, str, int, str, int, str]
"""Path, kind, mode, owner, bytes, hash or where a link leads."""

KINDS = {tarfile.DIRTYPE: "folder", tarfile.SYMTYPE: "link", tarfile.CHRTYPE: "device", tarfile.FIFOTYPE: "pipe"}


def entries(archive: tarfile.TarFile) -> Iterator[Entry]:
    """Yield what is in an archive that is read once, from its start to its end."""
    files: dict[str, tuple[int, str]] = {}
    for member in archive:
        path = member.name.removeprefix("./").strip("/")
        if path in {"", "."}:
            continue
        size, content = 0, member.linkname
        if member.islnk():  # the same file by another name, which came before
            first = member.linkname.removeprefix("./").strip("/")
            size, content = files.get(first, (0, f"hard link to {first}"))
        elif member.isfile() and (file := archive.extractfile(member)):
            digest = hashlib.sha256()
            while piece := file.read(READ_AT_ONCE):
                digest.update(piece)
            size, content = member.size, digest.hexdigest()
            files[path] = (size, content)
        kind = KINDS.get(member.type, "file")
        yield path, kind, member.mode & 0o7777, f"{member.uid}:{member.gid}", size, content


def compare(a: Path, b: Path) -> int:
    """Print how two lists differ, and the sums; return the number of paths that do."""
    trees = [{row[0]: row[1:] for row in map(json.loads, path.read_text().splitlines())} for path in (a, b)]
    different = 0
    for path in sorted(trees[0].keys() | trees[1].keys()):
        left, right = (tree.get(path) for tree in trees)
        if left == right:
            continue
        different += 1
        if left is None or right is None:
            print(f"only in {'B' if left is None else 'A'}: /{path} ({(left or right or [])[3]} bytes)")
            continue
        names = ("kind", "mode", "owner", "bytes", "content")
        told = [f"{n} {_shown(n, x)} and {_shown(n, y)}" for n, x, y in zip(names, left, right, strict=True) if x != y]
        print(f"different: /{path}: {', '.join(told)}")
    for name, tree in zip("AB", trees, strict=True):
        print(f"{name}: {len(tree)} paths, {sum(row[3] for row in tree.values())} bytes")
    print(f"{different} paths differ" if different else "the same")
    return different


def _shown(name: str, value: object) -> str:
    if name == "mode":
        return f"{value:04o}"
    return str(value)[:12] if name == "content" and len(str(value)) == hashlib.sha256().digest_size * 2 else str(value)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(1 if compare(Path(sys.argv[1]), Path(sys.argv[2])) else 0)
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|*") as given:
        for row in sorted(entries(given)):
            print(json.dumps(row))
