"""docs/serving.md lists every setting, error and path."""

import json
import re
from dataclasses import fields
from pathlib import Path

from fillmask.server.http_errors import ERROR_TYPES
from fillmask.server.routes import FILL_MASK_PATHS
from fillmask.server.settings import Settings
from fillmask.server.verb_routes import ZERO_SHOT_PATHS

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text("utf-8")

_ERRORS = PAGE.partition("\n### Errors\n")[2].partition("\n### ")[0]
ERROR_ROWS = [
    [cell.split(", ") for cell in line.strip("| ").split(" | ")] for line in _ERRORS.splitlines() if line[:1] == "|"
]
VERBS = ("rank", "infill", "score", "marginals", "classify")


def shown(value):
    if value in (None, ()):
        return ""
    if value is False:
        return "off"
    return (
        f"{value:g}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int) and value > 9999
        else str(value)
    )


def test_every_setting_is_there_with_its_default_and_its_help():
    for each in fields(Settings):
        flag, text = each.name.replace("_", "-"), each.metadata["help"].split("  [")[0]
        assert f"| `--{flag}` | {shown(each.default)} | {text} |" in PAGE


def test_every_error_and_every_path_is_there():
    for status, name in ERROR_TYPES.items():
        assert any(str(status) in statuses and name in names for statuses, names, _ in ERROR_ROWS)
    verbs = [path for verb in VERBS for path in (f"/{verb}", f"/models/{{model:path}}/{verb}")]
    for path in (*FILL_MASK_PATHS, *verbs, ZERO_SHOT_PATHS[0]):
        assert path.replace("{model:path}", "NAME") in PAGE


def test_the_request_of_each_section_runs(server):
    """A section's first block of JSON is a request, for the path that the section names first."""
    found = []
    for section in re.split(r"^##+ ", PAGE.partition("\n## Scheduling")[0], flags=re.MULTILINE):
        if body := re.search(r"```json\n(.*?)\n```", section, re.DOTALL):
            found.append(re.search(r"POST (/\w*)", section)[1])
            assert server.request("POST", found[-1], json.loads(body[1])).status == 200, found[-1]
    assert sorted(found) == sorted(["/", *(f"/{verb}" for verb in VERBS)])
