"""Servers shared by the tests of this folder."""

import pytest

from fillmask import FillMask
from fillmask.artifact.folder import EMBEDDED
from tests.support import serving
from tests.support.serving import KEY, OTHER_KEY, Served

FLAGS = ("--threads", "2", "--receive-timeout", "1", "--max-top-k", "1000")


@pytest.fixture(scope="session")
def server() -> Served:
    """A server of the embedded model and of the golden ones."""
    golden = EMBEDDED.parents[3] / "tests" / "golden"
    models = [f"{path.parent.name}={path}" for path in sorted(golden.glob("*/model"))]
    with serving.serve(str(EMBEDDED), *models, *FLAGS) as served:
        yield served


@pytest.fixture(scope="session")
def locked() -> Served:
    """A server with two keys."""
    keys = {"FILLMASK_API_KEY": f"{KEY} {OTHER_KEY}"}
    with serving.serve(environment=keys) as served:
        yield served


@pytest.fixture(scope="session")
def alone() -> FillMask:
    """The library without a server, as the reference."""
    return FillMask(threads=1)
