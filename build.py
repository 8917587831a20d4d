"""Build an atlas of a convolutional network as a static site: ``python build.py --help``."""

import os
import sys

# torch's threads wait for work by turning in circles, for milliseconds; a tenth of one is enough,
# and leaves the cores to those that have something to do. It is read when torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from atlas.commands.cli import main


def leave(code: int) -> None:
    """End the process. A rank of several ends at once, for its work is done and written.

    gloo's threads may outlive the interpreter, and where C++ then takes its globals down around
    them, the process aborts ("terminate called without an active exception") and the launcher
    stops all other ranks.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    leave(main())
