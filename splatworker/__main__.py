"""`python -m splatworker`: the same as the command `splatworker`."""

import sys

from splatworker.stages import import_path

if __name__ == "__main__":
    if not sys.flags.safe_path:
        import_path.prefer_installed(sys.path[0])  # the working directory

    from splatworker.cli import main

    sys.exit(main())
