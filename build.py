"""Build an atlas of a convolutional network as a static site: ``python build.py --help``."""

import os
import sys

# torch's threads wait for work by turning in circles, for milliseconds; a tenth of one is enough,
# and leaves the cores to those that have something to do. It is read when torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from atlas.commands.cli import main

if __name__ == "__main__":
    sys.exit(main())
