#!/usr/bin/env bash
# Run what is in the image on a machine that has no Docker engine:
#   docker/try-tree.sh [--by WAY] [--output FOLDER] TREE [COMMAND...]
# TREE is the image's root file system: a folder, or a tar of one (docker export; buildah mount). The NVIDIA driver is the
# machine's own: its libcuda is all that goes in, as NVIDIA's container toolkit does it. COMMAND is run in /app with the
# image's environment; without one, splatworker doctor and then the job of the example photos, whose splat FOLDER gets
# (output).
# WAY is how the tree is entered; without it the first one that this machine allows, which is said:
#   mounts  root may mount, in a mount namespace of its own: chroot, as the image's user
#   user    user namespaces are allowed: chroot in one
#   bwrap   bubblewrap is installed and may do the same
#   loader  none of these: the tree's own loader starts the tree's own Python, on the machine's /proc and /dev. (A chroot
#           without mounts has no /proc, without which the driver does not start.)
set -euo pipefail
usage() {
  sed -n '2,16s/^# //p' "$0" >&2
  exit 2
}
die() {
  echo "try-tree.sh: $1" >&2
  exit 1
}

way='' output=output
while [ $# -gt 0 ]; do
  case "$1 ${2:-}" in
    "--by mounts" | "--by user" | "--by bwrap" | "--by loader") way=$2 ;;
    "--output "?*) output=$2 ;;
    -*) usage ;;
    *) break ;;
  esac
  shift 2
done
[ $# -gt 0 ] || usage
tree=$1 && shift
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -f "$tree" ]; then
  mkdir "$work/tree"
  tar -x -f "$tree" -C "$work/tree" --anchored --exclude='./dev/*' --exclude='dev/*'
  tree=$work/tree
fi
[ -d "$tree/app" ] && [ -e "$tree/usr/bin" ] || die "$tree has no /app and /usr/bin: it is not the image's root file system."
tree=$(cd "$tree" && pwd)
mkdir -p "$output"
output=$(cd "$output" && pwd)
chmod 777 "$output" # the image's user has no other right to it

# The driver's libraries, under the names that they are opened by.
mkdir "$work/driver"
chmod 755 "$work" "$work/driver"
searched=$(ldconfig -p 2>/dev/null | sed -n 's#.*libcuda\.so\.1 .*=> \(.*\)/libcuda\.so\.1$#\1#p')
for folder in ${LD_LIBRARY_PATH:+${LD_LIBRARY_PATH//:/ }} $searched /usr/local/nvidia/lib64 /usr/lib/wsl/lib; do
  [ -e "$folder/libcuda.so.1" ] || continue
  for library in "$folder"/libcuda.so.1 "$folder"/libnvidia-ptxjitcompiler.so.1 "$folder"/libnvidia-gpucomp.so.* \
    "$folder"/libdxcore.so; do
    if [ -e "$library" ]; then cp -L "$library" "$work/driver/"; fi
  done
  break
done
if [ -e "$work/driver/libcuda.so.1" ]; then
  echo "try-tree.sh: the driver is $folder/libcuda.so.1"
  demanded=(--require-gpu)
else
  echo "try-tree.sh: this machine has no NVIDIA driver: the CPU it is"
  demanded=()
fi

# What the image says of its environment.
variables=$(sed -n '/^FROM scratch AS runtime/,$ { /^ENV/,/[^\\]$/ { s/^ENV//; s/\\$//; p } }' "$here/../Dockerfile")
read -r -a environment <<<"$(tr '\n' ' ' <<<"$variables")"
environment+=(HOME=/tmp)
[ -z "${CUDA_VISIBLE_DEVICES+x}" ] || environment+=("CUDA_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES")

# Mounts what the tree lacks, in a mount namespace that is ours, and goes in; /mnt is empty in Debian.
# shellcheck disable=SC2016
go_in='set -eu
tree=$1 driver=$2 output=$3 user=$4
shift 4
for kind in dev proc sys; do mount --rbind "/$kind" "$tree/$kind"; done
mount -t tmpfs -o mode=1777 tmpfs "$tree/tmp"
mount --bind "$driver" "$tree/mnt"
mount --bind "$output" "$tree/app/output"
exec chroot ${user:+"--userspec=$user"} "$tree" /bin/sh -c "cd /app && exec \"\$@\"" sh "$@"'

by_mounts() {
  local user=''
  if grep -q '^splat:' "$tree/etc/passwd" 2>/dev/null; then user=splat; fi
  unshare --mount --propagation private env -i "${environment[@]}" LD_LIBRARY_PATH=/mnt \
    sh -c "$go_in" sh "$tree" "$work/driver" "$output" "$user" "$@"
}
by_user() {
  unshare --user --map-root-user --mount --propagation private env -i "${environment[@]}" \
    LD_LIBRARY_PATH=/mnt sh -c "$go_in" sh "$tree" "$work/driver" "$output" '' "$@"
}
by_bwrap() {
  env -i "${environment[@]}" LD_LIBRARY_PATH=/mnt bwrap --bind "$tree" / --dev-bind /dev /dev --proc /proc \
    --ro-bind /sys /sys --tmpfs /tmp --ro-bind "$work/driver" /mnt --bind "$output" /app/output --chdir /app "$@"
}
# Python is found by the name of this script in its place, so that the stages it starts go the same way.
by_loader() {
  local python libraries
  python=$(cd "$tree/usr/bin" && basename "$(readlink python3 || echo python3)")
  libraries=$tree/lib/x86_64-linux-gnu:$tree/usr/lib/x86_64-linux-gnu:$work/driver
  mkdir -p "$work/bin" "$work/app"
  {
    echo '#!/bin/sh'
    echo "exec '$tree/lib64/ld-linux-x86-64.so.2' --argv0 \"\$0\" --library-path '$libraries' '$tree/usr/bin/$python' \"\$@\""
  } >"$work/bin/python"
  chmod 755 "$work/bin/python"
  for entry in "$tree"/app/*; do ln -sfn "$entry" "$work/app/"; done
  ln -sfn "$output" "$work/app/output"
  (cd "$work/app" && env -i "${environment[@]}" PATH="$work/bin:$PATH" PYTHONHOME="$tree/usr" HOME="$work" \
    PYTHONPATH="$tree/opt/splatworker:$tree/opt/venv/lib/$python/site-packages" "$@")
}

try() { "by_$1" python -c 'open("/proc/self/stat").read(); open("output/.try", "w")' >"$work/$1" 2>&1; }
if [ -z "$way" ]; then
  for way in mounts user bwrap loader none; do
    [ "$way" = none ] && break
    try "$way" && break
    echo "try-tree.sh: not by $way: $(tail -n 1 "$work/$way")"
  done
  [ "$way" != none ] || die "the tree cannot be entered here."
fi
rm -f "$output/.try"
echo "try-tree.sh: by $way"
if [ $# -gt 0 ]; then
  "by_$way" "$@"
else
  "by_$way" python -m splatworker doctor ${demanded[@]+"${demanded[@]}"}
  "by_$way" python handler.py test_input.json
  ls -l "$output/point_cloud.ply"
fi
