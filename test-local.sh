#!/usr/bin/env bash
# Make a splat of the example photos on this machine: ./test-local.sh [--native]
# Leaves output/point_cloud.ply. With a Docker engine, the built image (./build.sh) and an NVIDIA GPU the container does
# it; anywhere else, and with --native, a virtual environment in .venv does.
set -euo pipefail
cd "$(dirname "$0")"

image=${IMAGE:-splatworker:latest}
native=no
case "$#:${1:-}" in
  0:) ;;
  1:--native) native=yes ;;
  *)
    echo "usage: ./test-local.sh [--native]" >&2
    exit 2
    ;;
esac

can_use_container() {
  command -v docker >/dev/null && command -v nvidia-smi >/dev/null &&
    nvidia-smi >/dev/null 2>&1 && docker image inspect "$image" >/dev/null 2>&1
}

mkdir -p output
if [ "$native" = no ] && can_use_container; then
  echo "Using the container $image."
  docker run --rm --gpus all --user "$(id -u):$(id -g)" \
    -v "$PWD/test_input.json:/app/test_input.json:ro" \
    -v "$PWD/examples:/app/examples:ro" \
    -v "$PWD/output:/app/output" \
    "$image" python handler.py test_input.json
else
  echo "Using .venv on this machine."
  EXTRAS=colmap scripts/setup # a job file wants nothing of the platform's SDK
  .venv/bin/python handler.py test_input.json
fi
echo "The splat is in output/point_cloud.ply: drop it on https://superspl.at/editor to look at it."
