"""What tests start in place of `splatworker`: `python stand_in.py [FAULT...] -- STAGE ARGUMENTS...`.

All of it is in `stand_in_stages`: what is imported Python compiles once, and what it is called with each time, and a
job calls six of these.
"""

import sys

if __name__ == "__main__":
    import stand_in_stages  # type: ignore[import-not-found]  # beside this file

    sys.exit(stand_in_stages.main(sys.argv[1:]))
