"""A small atlas, built once by the command itself, for all tests that look at a finished site."""

from pathlib import Path

import pytest

from atlas.cli import main

COMMAND = ["--limit", "96", "--workers", "0", "--name", "small"]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    assert main([*COMMAND, "--out", str(out)]) == 0
    return out
