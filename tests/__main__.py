"""The one check, here and in CI: format, lint, types, tests. Run as ``python -m tests``."""

import os
import subprocess
import sys

os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as build.py does

CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("pytest",),
)


def main() -> int:
    """Run every check, and say at the end which failed."""
    arguments = sys.argv[1:]
    failed = []
    for check in CHECKS:
        command = [sys.executable, "-m", *check, *(arguments if check[0] == "pytest" else ())]
        print("$", " ".join(check), flush=True)
        if subprocess.run(command).returncode:
            failed.append(check[0])
    if failed:
        print("failed:", ", ".join(failed))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
