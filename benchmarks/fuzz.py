"""Looks for bytes that a parser can't take, guided by coverage (``pip install atheris``, Linux).

``python benchmarks/fuzz.py record --seconds 60`` runs one parser of ``tests/support/parsers.py`` on
bytes that reach more and more of its code. It stops at the first that raises anything else than an
error in words; what is found becomes a case in ``tests/test_parsers.py``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import atheris

with atheris.instrument_imports(include=["atlas", "tomllib", "csv", "zipfile", "markdown"]):
    from tests.support.parsers import EXAMPLES, PARSERS, refuses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("parser", choices=PARSERS)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    corpus = Path(tempfile.mkdtemp(prefix="corpus-"))
    (corpus / "example").write_bytes(EXAMPLES[options.parser])
    limits = [f"-max_total_time={options.seconds}", "-max_len=4096", f"-artifact_prefix={corpus}/"]
    atheris.Setup(
        [sys.argv[0], *limits, str(corpus)], lambda content: refuses(options.parser, content)
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
