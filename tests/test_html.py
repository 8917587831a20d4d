"""Every kind of page in the eyes of the Nu HTML checker, where there is one.

``npm install vnu-jar`` and Java, or the path of ``vnu.jar`` in the variable ``VNU_JAR``.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PLACES = (
    os.environ.get("VNU_JAR", ""),
    *Path(__file__).parent.parent.glob("node_modules/vnu-jar/build/dist/vnu.jar"),
)
JAR = next((str(place) for place in PLACES if place and Path(place).is_file()), None)


@pytest.mark.skipif(JAR is None, reason="no Nu checker: set VNU_JAR to run this test")
@pytest.mark.skipif(shutil.which("java") is None, reason="no Java")
def test_every_page_is_valid(root: Path) -> None:
    ran = subprocess.run(
        ["java", "-jar", str(JAR), "--skip-non-html", "--errors-only", str(root)],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr[:2000]
