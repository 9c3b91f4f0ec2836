"""Exports onto a disk that fills up, for which a limit on the size of a file stands in: writes beyond it fail."""

import resource
from contextlib import contextmanager

import pytest

from fillmask_export import ExportError, Plan, export

# The tokenizer is larger than the first, the traced graph than the second, and its weights than the third.
LIMITS = (5_000, 60_000, 120_000)


@contextmanager
def files_of_at_most(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", LIMITS)
def test_nothing_is_left_when_a_file_cannot_be_written_to_its_end(checkpoint_of, tmp_path, size):
    checkpoint, home = checkpoint_of("wordpiece"), tmp_path / "home"
    home.mkdir()
    with files_of_at_most(size), pytest.raises((OSError, ExportError), match="File too large"):
        export(checkpoint, home / "new" / "out", ("fp32",), plan=Plan(masks=40))
    assert not list(home.iterdir())


def test_the_largest_file_is_beyond_every_limit(checkpoint_of, tmp_path):
    export(checkpoint_of("wordpiece"), tmp_path / "out", ("fp32",), plan=Plan(masks=40))
    assert max(path.stat().st_size for path in (tmp_path / "out").iterdir()) > max(LIMITS)
