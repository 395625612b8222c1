#!/bin/sh
# Take out of a virtual environment what a worker never loads: prune-libraries.sh VENV
set -eu
site=$(echo "$1"/lib/python3*/site-packages)

# Compilers for torch.compile, which is not used.
rm -rf "$site"/triton "$site"/triton-*.dist-info
# Headers, static libraries and tests.
rm -rf "$site"/torch/include "$site"/torch/test "$site"/torch/share "$site"/nvidia/*/include
find "$site" -name '*.a' -delete
find "$site" -type d \( -name tests -o -name test \) -path '*/numpy/*' -prune -exec rm -rf {} +
find "$site" -type d -name tests -path '*/scipy/*' -prune -exec rm -rf {} +
# cuDNN's engines for convolutions: libcudnn.so loads them when the first convolution runs, and there is none here.
find "$site"/nvidia -name 'libcudnn_engines_precompiled*' -delete
find "$site"/nvidia -name 'libcudnn_adv*' -delete
# What no library names as needed (readelf -d): several GPUs in one solver, profilers, device code of NVSHMEM, and a
# second runtime compiler.
for name in 'libcusolverMg*' 'libnvrtc.alt*' 'libnvrtc-builtins.alt*' 'libnvperf_*' 'libpcsamplingutil*' \
  'libcheckpoint*' 'libcufftw*' 'libnvblas*' 'libcufile_rdma*' 'libnvshmem_device*'; do
  find "$site"/nvidia -name "$name" -delete
done
# The installer.
rm -rf "$site"/pip "$site"/pip-*.dist-info "$site"/setuptools "$site"/setuptools-*.dist-info "$1"/bin/pip*
find "$site" -name '__pycache__' -prune -exec rm -rf {} +
"$1"/bin/python -m compileall -q "$site" || true
