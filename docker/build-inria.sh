#!/bin/sh
# Build the original trainer into /opt/inria, on Debian 12: build-inria.sh
# It does not compile with CUDA 13, and PyPI has no nvcc of CUDA 12: NVIDIA's Debian packages have.
set -eu
apt-get update
apt-get install -y --no-install-recommends ca-certificates curl g++ git python3 python3-dev python3-venv
curl -fsSLo /tmp/keyring.deb "$CUDA12_REPOSITORY/cuda-keyring_1.1-1_all.deb"
dpkg -i /tmp/keyring.deb
apt-get update
apt-get install -y --no-install-recommends cuda-nvcc-12-8 cuda-cudart-dev-12-8 cuda-cccl-12-8 libcublas-dev-12-8 \
  libcusparse-dev-12-8 libcusolver-dev-12-8

python3 -m venv /opt/inria/venv
pip=/opt/inria/venv/bin/pip
$pip install --no-cache-dir --no-deps --require-hashes -r /tmp/inria.lock

# The parent's commit pins those of its submodules.
git clone --no-checkout "$INRIA_REPOSITORY" /opt/inria/gaussian-splatting
cd /opt/inria/gaussian-splatting
git checkout -q "$INRIA_COMMIT"
submodules="submodules/diff-gaussian-rasterization submodules/simple-knn submodules/fused-ssim"
# shellcheck disable=SC2086 # three words
git submodule update --init --recursive --depth 1 $submodules
# What it was made of: Debian's and NVIDIA's packages with their versions, and the commits.
{ dpkg-query -W && git rev-parse HEAD && git submodule status --recursive; } >/opt/inria/made-of.txt
for submodule in $submodules; do
  CUDA_HOME=/usr/local/cuda-12.8 TORCH_CUDA_ARCH_LIST="$INRIA_CUDA_ARCHITECTURES" \
    $pip install --no-cache-dir --no-deps --no-build-isolation "./$submodule"
done
rm -rf .git
