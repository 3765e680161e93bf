"""docs/api.md lists every code of a problem beside its status, and no other."""

import re
from pathlib import Path

from classifier.api.problems import PROBLEMS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def test_every_code_stands_beside_its_status() -> None:
    rows = re.findall(r"^\| ([0-9, ]+) \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    said = {code: statuses for statuses, words in rows for code in re.findall(r"`(\w+)`", words)}
    assert said.keys() == PROBLEMS.keys()
    assert all(str(status) in said[code] for code, (status, _) in PROBLEMS.items())
