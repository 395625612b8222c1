#!/bin/sh
# Take out of a virtual environment what a worker never loads: prune-libraries.sh VENV
set -eu
site=$(echo "$1"/lib/python3*/site-packages)

# Compilers for torch.compile, which is not used, and CUDA's functions for Python, which nothing here calls.
rm -rf "$site"/triton "$site"/triton-*.dist-info "$site"/cuda/bindings "$site"/cuda_bindings*
# Headers, static libraries and tests.
rm -rf "$site"/torch/include "$site"/torch/test "$site"/torch/share "$site"/nvidia/*/include
find "$site" -name '*.a' -delete
find "$site" -type d \( -name tests -o -name test \) -path '*/numpy/*' -prune -exec rm -rf {} +
# The descriptions of Amazon's services but storage and what signs in to it, which the SDK's upload goes to.
find "$site"/botocore/data -mindepth 1 -maxdepth 1 -type d \
  ! -name s3 ! -name sts ! -name sso ! -name sso-oidc ! -name signin -exec rm -rf {} +
# What torch opens when it is first asked for it, and nobody here asks: cuDNN's parts when the first convolution runs
# (libcudnn.so itself is linked to), cuSOLVER when a matrix is decomposed on a GPU.
[ -d "$site"/nvidia ] || mkdir "$site"/nvidia # an image without torch has none
find "$site"/nvidia -name 'libcudnn_*' -delete
find "$site"/nvidia -name 'libcusolver*' -delete
# What no library names as needed (readelf -d): profilers, markers for them, device code of NVSHMEM, and a second runtime
# compiler.
for name in 'libnvToolsExt*' 'libnvrtc.alt*' 'libnvrtc-builtins.alt*' 'libnvperf_*' 'libpcsamplingutil*' \
  'libcheckpoint*' 'libcufftw*' 'libnvblas*' 'libcufile_rdma*' 'libnvshmem_device*'; do
  find "$site"/nvidia -name "$name" -delete
done
# A program of the SDK that tries a GPU; splatworker/worker/runpod_queue.py does that.
rm -f "$site"/runpod/serverless/binaries/gpu_test
# The installer.
rm -rf "$site"/pip "$site"/pip-*.dist-info "$site"/setuptools "$site"/setuptools-*.dist-info "$1"/bin/pip*
# What setuptools has every start of Python do on its behalf.
rm -rf "$site"/_distutils_hack "$site"/distutils-precedence.pth "$site"/pkg_resources
find "$site" -name '__pycache__' -prune -exec rm -rf {} +
# Checked by hash, not by time: the same files give the same bytes, and Python never looks at the sources again.
"$1"/bin/python -m compileall -q --invalidation-mode unchecked-hash "$site" || true
# What is left still loads.
"$1"/bin/python -B -c '
import boto3, runpod
boto3.client("s3", region_name="auto")
print("pruned:", runpod.__version__)'
[ ! -d "$site"/torch ] ||
  "$1"/bin/python -B -c 'import torch, torch.distributed; print("pruned:", torch.__version__, torch.version.cuda)'
