"""`python -m splatworker`: the same as the command `splatworker`."""

import sys

from splatworker.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
