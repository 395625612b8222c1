"""Photos in, 3D Gaussian splat out.

The way through the house is `splatworker.pipeline.run`; its rooms are `photos`, `sfm`, `train`, `export` and
`deliver`. This package imports neither torch nor pycolmap at its top: a worker process starts at once, and
the heavy libraries live in the stages' own processes.
"""

import os

# Threads of the native kernels that wait for one another sleep. By default they spin, which on a machine that does
# anything else makes a small frame two hundred times slower. Read once, when torch loads its OpenMP: so it stands here.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__version__ = "0.2.0"
"""Said here alone: pyproject.toml, upload-runpod.sh and scripts/release-notes read it."""
