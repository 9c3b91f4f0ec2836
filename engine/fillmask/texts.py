"""Many texts as they come: any iterable, and columns of numpy, pandas, Polars, pyarrow and datasets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fillmask.errors import TextError


def check_texts(rule: str, texts: object) -> None:
    """Refuse what can be iterated over but holds no texts.

    Raises:
        TextError: Not an iterable, or one of characters, bytes, keys or columns; the message begins with the rule.
    """
    if hasattr(texts, "columns") or hasattr(texts, "column_names"):  # also pyarrow's tables, which are no iterables
        raise TextError(f"{rule}, got {type(texts).__name__}; take one of its columns")
    if not isinstance(texts, Iterable) or isinstance(texts, (str, bytes, bytearray, Mapping)):
        raise TextError(f"{rule}, got {type(texts).__name__}")


def texts_of(rule: str, texts: Iterable[Any]) -> Iterator[str]:
    """Iterate lazily over texts of any kind of column: of Python, numpy, pandas, Polars or pyarrow.

    What is no text comes as it is, so that it is refused at its place.

    Raises:
        TextError: As in ``check_texts``.
    """
    check_texts(rule, texts)
    try:
        each = iter(texts)
    except TypeError as error:  # an array without dimensions
        raise TextError(f"{rule}: {error}") from error
    return (text if isinstance(text, str) else _python_text(text) for text in each)


def _python_text(text: Any) -> Any:  # noqa: ANN401 -- a column holds anything
    """The value of a scalar of pyarrow; bytes that are not UTF-8 become lone surrogates."""
    if not hasattr(text, "as_py"):
        return text
    try:
        return text.as_py()
    except UnicodeDecodeError:
        return text.as_buffer().to_pybytes().decode("utf-8", "surrogateescape")
