"""Digests of files, against the definition."""

import hashlib
from pathlib import Path

from atlas.data.file_digests import digest_of_file, digest_of_files, digest_of_sources


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_names_contents_and_order_decide(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    one, other = tmp_path / "one.py", tmp_path / "below" / "other.py"
    one.write_bytes(b"1")
    other.write_bytes(b"")
    (tmp_path / "data.txt").write_bytes(b"no source")
    assert digest_of_file(one) == sha(b"1")
    lines = f"below/other.py {sha(b'')}\n", f"one.py {sha(b'1')}\n"
    assert digest_of_files(tmp_path, [other, one]) == sha("".join(lines).encode())
    assert digest_of_files(tmp_path, [one, other]) == sha("".join(lines[::-1]).encode())
    assert digest_of_sources(tmp_path) == sha("".join(lines).encode())
    assert digest_of_files(tmp_path, []) == sha(b"")
