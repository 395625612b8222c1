# The worker's image: Debian, Python, and what PyPI has. No compiler, no pip and no root in what is shipped.
#
#   ./build.sh [--with-inria]
#
# Stages: build (our wheel, with nvcc from PyPI), libraries (torch, COLMAP and the rest), inria (only if asked for),
# runtime. The layers of the last stage go from what never changes to what changes daily: a change of our Python code
# rebuilds in seconds and is a few megabytes to pull.
ARG BUILD_BASE=debian:12-slim
ARG RUNTIME_BASE=debian:12-slim

# ---------------------------------------------------------------------------------------------------------- build
FROM ${BUILD_BASE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ python3 python3-dev python3-venv \
 && rm -rf /var/lib/apt/lists/*
# CUDA 13's compiler and headers come from PyPI and land in one folder, nvidia/cu13, which CMake takes for a toolkit.
RUN python3 -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir cmake ninja nanobind==3.1.0 scikit-build-core==1.1.2 \
      'cuda-toolkit[nvcc,cccl,cudart,crt,nvvm]==13.0.*' \
 && ln -s "$(/opt/build/bin/python -c 'import nvidia.cu13 as m; print(list(m.__path__)[0])')" /opt/cuda \
 && ln -s libcudart.so.13 /opt/cuda/lib/libcudart.so \
 && ln -s lib /opt/cuda/lib64
ENV PATH=/opt/build/bin:/opt/cuda/bin:$PATH CUDACXX=/opt/cuda/bin/nvcc CUDAToolkit_ROOT=/opt/cuda

ARG CUDA_ARCHITECTURES="75;80;86;89;90;100;120"
WORKDIR /src
# First the kernels alone: minutes of nvcc, which change seldom. The second build finds them done.
COPY pyproject.toml CMakeLists.txt README.md LICENSE ./
COPY kernels kernels
COPY splatworker/__init__.py splatworker/
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation -w /tmp/first . \
      --config-settings=build-dir=/src/build --config-settings=cmake.define.SPLATWORKER_CUDA=ON \
      "--config-settings=cmake.define.CMAKE_CUDA_ARCHITECTURES=${CUDA_ARCHITECTURES}"
COPY splatworker splatworker
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation -w /tmp/wheel . \
      --config-settings=build-dir=/src/build --config-settings=cmake.define.SPLATWORKER_CUDA=ON \
      "--config-settings=cmake.define.CMAKE_CUDA_ARCHITECTURES=${CUDA_ARCHITECTURES}" \
 && pip install --no-cache-dir --no-deps --target /opt/splatworker /tmp/wheel/*.whl \
 && python -m compileall -q /opt/splatworker

# ------------------------------------------------------------------------------------------------------ libraries
FROM ${BUILD_BASE} AS libraries
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/venv
# === and not ==: the build with CUDA 13 that PyPI has, even where an index offers others such as 2.13.0+cpu.
# COLMAP's wheel is linked to CUDA 12's runtime, torch to CUDA 13's. They live side by side (and never in one process);
# only the metapackage cuda-toolkit cannot be there twice, so COLMAP's two libraries are named here instead.
COPY docker/prune-libraries.sh pyproject.toml /tmp/
RUN /opt/venv/bin/pip install --no-cache-dir 'torch===2.13.0' \
 && /opt/venv/bin/pip install --no-cache-dir --no-deps \
      pycolmap-cuda12==4.2.1 nvidia-cuda-runtime-cu12==12.9.79 nvidia-curand-cu12==10.3.10.19 \
 && /opt/venv/bin/python -c "import tomllib; p = tomllib.load(open('/tmp/pyproject.toml', 'rb'))['project']; \
      print('\n'.join(d for d in p['dependencies'] + p['optional-dependencies']['worker'] if not d.startswith('torch')))" \
      > /tmp/requirements.txt \
 && /opt/venv/bin/pip install --no-cache-dir -r /tmp/requirements.txt \
 && sh /tmp/prune-libraries.sh /opt/venv

# ---------------------------------------------------------------------------------------------- the original trainer
# Not free for commercial use; hence empty unless asked for. It has a virtual environment of its own.
FROM ${BUILD_BASE} AS inria
ARG WITH_INRIA=0
ARG CUDA12_REPOSITORY=https://developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64
ARG INRIA_REPOSITORY=https://github.com/graphdeco-inria/gaussian-splatting
ARG INRIA_COMMIT=54c035f7834b564019656c3e3fcc3646292f727d
ARG INRIA_CUDA_ARCHITECTURES="7.5;8.0;8.6;8.9;9.0;10.0;12.0"
COPY docker/build-inria.sh /tmp/
RUN mkdir -p /opt/inria && if [ "$WITH_INRIA" = 1 ]; then sh /tmp/build-inria.sh; fi

# -------------------------------------------------------------------------------------------------------- runtime
FROM ${RUNTIME_BASE} AS runtime
# libX11 and its kin are what COLMAP's wheel is linked to; nothing is ever shown. Without ca-certificates the platform's
# SDK trusts nobody, its own platform included.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 tini libgomp1 libice6 libsm6 libx11-6 libxext6 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --create-home splat \
 && mkdir -p /app/output && chown splat: /app /app/output
COPY --from=inria /opt/inria /opt/inria
COPY --from=libraries /opt/venv /opt/venv
# RUNPOD_SKIP_AUTO_SYSTEM_CHECKS: the SDK's own checks load torch and open the GPU within the worker's process, which would
# hold both for life. splatworker/platform.py checks the same, and more, in processes that end.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/splatworker \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    INRIA_DIR=/opt/inria/gaussian-splatting \
    INRIA_PYTHON=/opt/inria/venv/bin/python \
    RUNPOD_SKIP_AUTO_SYSTEM_CHECKS=true \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /app
COPY examples/photos examples/photos
COPY --from=build /opt/splatworker /opt/splatworker
COPY handler.py test_input.json LICENSE ./
USER splat
# tini takes SIGTERM to the worker, and reaps what it leaves behind.
ENTRYPOINT ["tini", "--"]
CMD ["python", "handler.py"]
