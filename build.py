"""Build an atlas of a convolutional network as a static site: ``python build.py --help``."""

import sys

from atlas.cli import main

if __name__ == "__main__":
    sys.exit(main())
