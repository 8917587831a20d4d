"""The one check, here and in CI: format, lint, types, imports, tests (``python -m tests``)."""

import os
import subprocess
import sys

os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as build.py does

IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
CHECKS = (
    ("-m", "ruff", "format", "--check", "."),
    ("-m", "ruff", "check", "."),
    ("-m", "mypy"),
    ("-c", IMPORTS),
    ("-m", "pytest"),
)


def main() -> int:
    """Run every check, and say at the end which failed."""
    arguments = sys.argv[1:]
    failed = []
    for check in CHECKS:
        command = [sys.executable, *check, *(arguments if check[1] == "pytest" else ())]
        print("$", "lint-imports" if check[1] == IMPORTS else " ".join(check[1:]), flush=True)
        if subprocess.run(command).returncode:
            failed.append(check[1])
    if failed:
        print("failed:", ", ".join(failed))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
