# The worker's image: Debian, Python, and what PyPI has. No compiler, no pip and no root in what is shipped.
#
#   ./build.sh [--cuda13] [--with-inria]
#
# Stages: build (our wheel, its kernels by NVRTC from PyPI), libraries (torch, COLMAP and the rest), inria (if asked for),
# runtime. The layers of the last stage go from what never changes to what changes daily: a change of our Python code
# rebuilds in seconds and is a few megabytes to pull.
ARG BUILD_BASE=debian:12-slim
ARG RUNTIME_BASE=debian:12-slim

# ---------------------------------------------------------------------------------------------------------- build
FROM ${BUILD_BASE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ python3 python3-dev python3-venv \
 && rm -rf /var/lib/apt/lists/*
# NVRTC 12.8 compiles the kernels to machine code that every driver from 525 on takes; nothing else of CUDA is needed.
RUN python3 -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir cmake ninja nanobind==3.1.0 scikit-build-core==1.1.2 \
      nvidia-cuda-nvrtc-cu12==12.8.93
ENV PATH=/opt/build/bin:$PATH

ARG CUDA_ARCHITECTURES=ALL
WORKDIR /src
# First the kernels alone: a minute of compiling, which changes seldom. The second build finds them done.
COPY pyproject.toml CMakeLists.txt README.md LICENSE ./
COPY kernels kernels
COPY splatworker/__init__.py splatworker/
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation -w /tmp/first . \
      --config-settings=build-dir=/src/build --config-settings=cmake.define.SPLATWORKER_CUDA=ON \
      "--config-settings=cmake.define.SPLATWORKER_CUDA_ARCHITECTURES=${CUDA_ARCHITECTURES}"
COPY splatworker splatworker
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation -w /tmp/wheel . \
      --config-settings=build-dir=/src/build --config-settings=cmake.define.SPLATWORKER_CUDA=ON \
      "--config-settings=cmake.define.SPLATWORKER_CUDA_ARCHITECTURES=${CUDA_ARCHITECTURES}" \
 && pip install --no-cache-dir --no-deps --target /opt/splatworker /tmp/wheel/*.whl \
 && python -m compileall -q /opt/splatworker

# ------------------------------------------------------------------------------------------------------ libraries
FROM ${BUILD_BASE} AS libraries
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/venv
# torch 2.10.0 is PyPI's last one for CUDA 12, and so for drivers under 580; --cuda13 takes a newer one. === and not ==:
# PyPI's own build, even where an index offers others such as 2.10.0+cpu.
ARG TORCH=2.10.0
COPY docker/prune-libraries.sh pyproject.toml /tmp/
RUN /opt/venv/bin/pip install --no-cache-dir "torch===${TORCH}" \
 && /opt/venv/bin/python -c "import tomllib; p = tomllib.load(open('/tmp/pyproject.toml', 'rb'))['project']; \
      more = p['optional-dependencies']; wanted = p['dependencies'] + more['colmap'] + more['worker']; \
      print('\n'.join(d for d in wanted if not d.startswith('torch')))" > /tmp/requirements.txt \
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
# Without ca-certificates the platform's SDK trusts nobody, its own platform included.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 tini libgomp1 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --create-home splat \
 && mkdir -p /app/output && chown splat: /app /app/output
COPY --from=inria /opt/inria /opt/inria
COPY --from=libraries /opt/venv /opt/venv
# RUNPOD_SKIP_AUTO_SYSTEM_CHECKS: the SDK's own checks load torch and open the GPU within the worker's process, which would
# hold both for life. splatworker/worker/runpod_queue.py checks the same, and more, in processes that end.
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
