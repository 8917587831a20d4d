"""The one check, here and in CI: format, lint, types, imports, tests (``python -m tests``).

Tests run in as many processes as there are cores, four at most. ``--quick`` leaves out the tests
marked ``slow`` and takes about two minutes. Other arguments go to pytest, so that
``python -m tests --quick -x -k notes`` works, and ``-n 0`` runs all tests in one process.
"""

import os
import subprocess
import sys

IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
QUICK = (("-m", "ruff", "format", "--check", "."), ("-m", "ruff", "check", "."))
WHILE_TESTS_RUN = (("-m", "mypy"), ("-c", IMPORTS))
MOST_WORKERS = 4  # each takes up to 3 GB of memory


def pytest_command(given: list[str]) -> tuple[str, ...]:
    """How to run the tests, with the arguments given to this command."""
    workers = min(os.cpu_count() or 1, MOST_WORKERS)
    # a worker that has nothing left to do takes over from the others, so modules stay together
    distributed = ("-n", str(workers), "--dist", "worksteal")
    chosen = ("-m", "not slow") if "--quick" in given else ()
    return ("-m", "pytest", *distributed, *chosen, *(word for word in given if word != "--quick"))


def shown(check: tuple[str, ...]) -> tuple[str, ...]:
    """A check as a person would write it."""
    return ("lint-imports",) if IMPORTS in check else check[1:]


def main() -> int:
    """Run every check, and say at the end which failed."""
    failed = []
    running = [
        subprocess.Popen([sys.executable, *check], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for check in WHILE_TESTS_RUN  # they find a core idle now and then
    ]
    for check in (*QUICK, pytest_command(sys.argv[1:])):
        print("$", *shown(check), flush=True)
        if subprocess.run([sys.executable, *check]).returncode:
            failed.append(shown(check)[0])
    for check, process in zip(WHILE_TESTS_RUN, running, strict=True):
        said, _ = process.communicate()
        print("$", *shown(check))
        print(said.decode(), end="", flush=True)
        if process.returncode:
            failed.append(shown(check)[0])
    if failed:
        print("failed:", ", ".join(failed))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
