"""What an error says of a package that is missing: who needs it, and how to install it."""

from __future__ import annotations


def lacks(purpose: str, package: str, extra: str) -> str:
    """Give the message for a package of an extra that is not installed.

    Example: ``lacks("a plot", "matplotlib", "plot")``.
    """
    return (
        f"{purpose} needs {package}, which is not installed; in the folder of fillmask's source: "
        f"pip install '.[{extra}]'"
    )
