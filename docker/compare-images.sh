#!/usr/bin/env bash
# Say in which files two images differ: docker/compare-images.sh A B
# Each is an image's name, a folder with a root file system, or a tar of one (docker export).
# Compared are paths, kinds, modes, owners, sizes, hashes and where links lead, not times. The status is 0 when all are the
# same, 1 when not.
set -euo pipefail
if [ $# != 2 ]; then
  sed -n '2,3s/^# //p' "$0" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

as_tar() {
  if [ -d "$1" ]; then
    tar --one-file-system --numeric-owner -C "$1" -c .
  elif [ -f "$1" ]; then
    cat "$1"
  else
    local container
    container=$(docker create "$1") || { echo "compare-images.sh: $1 is no folder, no file and no image." >&2; return 2; }
    docker export "$container"
    docker rm "$container" >/dev/null
  fi
}
as_tar "$1" | python3 "$here/list_tree.py" >"$work/a"
as_tar "$2" | python3 "$here/list_tree.py" >"$work/b"
python3 "$here/list_tree.py" "$work/a" "$work/b"
