#!/usr/bin/env bash
# Push the worker's image to a registry that RunPod can pull from: ./upload-runpod.sh NAME[:TAG]
#   NAME   such as docker.io/yourname/splatworker; the tag is the package's version if left out
#   IMAGE  what ./build.sh has built (splatworker:latest)
set -euo pipefail
cd "$(dirname "$0")"

image=${IMAGE:-splatworker:latest}
target=${1:-}
if [ $# -ne 1 ] || [ -z "$target" ] || [ "${target#-}" != "$target" ]; then
  echo "usage: ./upload-runpod.sh NAME[:TAG]   for example docker.io/yourname/splatworker" >&2
  exit 2
fi
if ! [[ $target =~ ^[a-z0-9][a-z0-9._/:-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$ ]] ||
  [[ $target == *://* || $target == */ || $target == *: ]]; then
  echo "upload-runpod.sh: '$target' is no image's name, such as docker.io/yourname/splatworker." >&2
  exit 2
fi
case "${target##*/}" in
  *:*) ;; # a tag is given; a colon before the last slash would be a registry's port
  *) target="$target:$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' splatworker/__init__.py)" ;;
esac

if ! command -v docker >/dev/null; then
  echo "upload-runpod.sh: docker is needed." >&2
  exit 1
fi
if ! docker image inspect "$image" >/dev/null 2>&1; then
  echo "upload-runpod.sh: there is no image $image; run ./build.sh first." >&2
  exit 1
fi

if ! docker tag "$image" "$target"; then
  echo "upload-runpod.sh: docker does not take '$target' for a name." >&2
  exit 1
fi
if ! docker push "$target"; then
  echo "upload-runpod.sh: the push failed; log in with: docker login ${target%%/*}" >&2
  exit 1
fi
cat <<TEXT

Pushed $target. On https://console.runpod.io/serverless make an endpoint from it:
  container image   $target
  container disk    20 GB
  CUDA version      12.0 or newer, all that are offered (driver 525.60.13 or newer)
  execution timeout 1800 s, and in the environment SPLATWORKER_DEADLINE_S=1740
Then POST a job to https://api.runpod.ai/v2/<endpoint id>/run (docs/runpod.md; its fields: docs/parameters.md).
TEXT
