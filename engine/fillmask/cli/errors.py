"""Errors and warnings on the command line: a line on standard error, and an exit code."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from fillmask.errors import FillMaskError
from fillmask.extras import lacks


def fail(message: str, *, code: int) -> NoReturn:
    """Print what is wrong as one line on standard error, and exit."""
    click.echo(f"fillmask: {' '.join(message.split())}", err=True)
    sys.exit(code)


@contextmanager
def imported(purpose: str, extra: str) -> Iterator[None]:
    """Import what needs the packages of an extra; one that is missing, or broken, ends the command with code 2."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "fillmask", "fillmask_export"):
            raise
        fail(lacks(purpose, package, extra), code=2)
    except ImportError as error:
        fail(f"{purpose} needs a package that is installed and cannot be imported: {error}", code=2)


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
