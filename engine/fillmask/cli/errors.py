"""Errors and warnings on the command line: a line on standard error, and an exit code."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from fillmask.errors import FillMaskError


def fail(message: str, *, code: int) -> NoReturn:
    """Print what is wrong as one line on standard error, and exit."""
    click.echo(f"fillmask: {' '.join(message.split())}", err=True)
    sys.exit(code)


@contextmanager
def reported(*, code: int) -> Iterator[None]:
    """Turn the project's errors into a line and an exit code, and its warnings into lines."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_args, **_options: click.echo(f"fillmask: warning: {message}", err=True)
        try:
            yield
        except FillMaskError as error:
            fail(str(error), code=code)
