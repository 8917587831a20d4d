"""The one check, here and in CI: format, lint, types, imports, tests (``python -m tests``).

Tests run in as many processes as there are cores, four at most. ``--quick`` leaves out the tests
marked ``slow`` and takes under two minutes. Other arguments go to pytest, so that
``python -m tests --quick -x -k notes`` works, and ``-n 0`` runs all tests in one process.
"""

import os
import subprocess
import sys

IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
STATIC = (
    ("-m", "ruff", "format", "--check", "."),
    ("-m", "ruff", "check", "."),
    ("-m", "mypy"),
    ("-c", IMPORTS),
)
MOST_WORKERS = 4  # each takes up to 3 GB of memory


def pytest_command(given: list[str]) -> tuple[str, ...]:
    """How to run the tests, with the arguments given to this command."""
    workers = min(os.cpu_count() or 1, MOST_WORKERS)
    # a worker that has nothing left to do takes over from the others, so modules stay together
    distributed = ("-n", str(workers), "--dist", "worksteal")
    chosen = ("-m", "not slow") if "--quick" in given else ()
    return ("-m", "pytest", *distributed, *chosen, *(word for word in given if word != "--quick"))


def main() -> int:
    """Run every check, and say at the end which failed."""
    failed = []
    for check in (*STATIC, pytest_command(sys.argv[1:])):
        words = ("lint-imports",) if IMPORTS in check else check[1:]
        print("$", *words, flush=True)
        if subprocess.run([sys.executable, *check]).returncode:
            failed.append(words[0])
    if failed:
        print("failed:", ", ".join(failed))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
