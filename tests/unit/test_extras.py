"""What is said of a package that is missing names a way to install it that exists."""

import re
from importlib.metadata import metadata
from pathlib import Path

from fillmask.extras import lacks

ROOT = Path(__file__).parents[2]
_CALL = re.compile(r'(?:lacks|imported)\([^()]*"([a-z-]+)"\)')


def test_it_names_the_package_and_the_extra():
    assert lacks("a plot", "matplotlib", "plot") == (
        "a plot needs matplotlib, which is not installed; in the folder of fillmask's source: pip install '.[plot]'"
    )


def test_every_extra_that_the_code_names_is_declared():
    sources = [path.read_text("utf-8") for folder in ("engine", "export") for path in (ROOT / folder).rglob("*.py")]
    named = {extra for source in sources for extra in _CALL.findall(source)}
    assert {"batch", "export", "otel", "plot", "ray", "server"} <= named
    assert named <= set(metadata("fillmask").get_all("Provides-Extra"))
