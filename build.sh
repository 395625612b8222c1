#!/usr/bin/env bash
# Build the worker's image: ./build.sh [--with-torch] [--cuda13] [--with-inria] [--with-segmentation]
#   IMAGE       its name (splatworker:latest)
#   BUILD_ARGS  more arguments for docker build
# --with-torch adds torch for CUDA 12, which every driver from 525 on runs: trainings on several GPUs, and
# SPLATWORKER_ARRAYS=torch, want it; one GPU does not.
# --cuda13 adds a torch of CUDA 13 in its place, for machines with NVIDIA driver 580 or newer: 1.6 GB smaller.
# --with-inria adds the original trainer for jobs with "trainer": "inria". Its licence forbids commercial use.
# --with-segmentation adds the network that "segmentation": true asks (docs/object.md).
set -euo pipefail
cd "$(dirname "$0")"

image=${IMAGE:-splatworker:latest}
with_inria=0
variant=()
segmentation=()
for option in "$@"; do
  case "$option" in
    --with-torch) [ ${#variant[@]} -gt 0 ] || variant=(--build-arg TORCH=2.10.0) ;;
    --cuda13) variant=(--build-arg TORCH=2.13.0) ;;
    --with-inria) with_inria=1 ;;
    --with-segmentation) segmentation=(--build-arg WITH_SEGMENTATION=1) ;;
    *)
      echo "usage: ./build.sh [--with-torch] [--cuda13] [--with-inria] [--with-segmentation]" >&2
      exit 2
      ;;
  esac
done

if ! command -v docker >/dev/null; then
  echo "build.sh: docker is needed (https://docs.docker.com/engine/install/)." >&2
  exit 1
fi
if ! docker info >/dev/null 2>&1; then
  echo "build.sh: the Docker engine does not answer; is it running, and may you use it?" >&2
  exit 1
fi

read -r -a more <<<"${BUILD_ARGS:-}"
# The platform's machines are x86-64, whatever this one is.
if ! docker build --platform linux/amd64 --build-arg "WITH_INRIA=$with_inria" ${variant[@]+"${variant[@]}"} \
  ${segmentation[@]+"${segmentation[@]}"} -t "$image" ${more[@]+"${more[@]}"} .; then
  echo "build.sh: $image was not built; the step that failed stands above." >&2
  exit 1
fi
echo "Built $image. Next: ./test-local.sh here, or ./upload-runpod.sh to bring it to RunPod."
