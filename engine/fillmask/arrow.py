"""Arrow in, Arrow out: a verb over tables, record batches and columns of pyarrow.

One callable serves every library that maps batches of Arrow: Ray Data, datasets, Polars and DuckDB.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fillmask.errors import InputError
from fillmask.files.arrow_arrays import arrow_type, to_array
from fillmask.files.opening import check_unloaded
from fillmask.files.row_parameters import resolve_parameters
from fillmask.files.runner import choose_batches, growing_windows
from fillmask.files.streams import import_pyarrow
from fillmask.files.verbs import BatchVerb, ColumnType, find_verb
from fillmask.pipeline import FillMask
from fillmask.runtime.providers import Provider
from fillmask.task_stream import run_tasks
from fillmask.texts import texts_of


def mapper(  # noqa: PLR0913 -- one parameter an option
    verb: str,
    *,
    model: str | Path | FillMask | None = None,
    variant: str = "auto",
    providers: Sequence[Provider] | None = None,
    threads: int = 1,
    text_column: str = "text",
    batch_size: int | None = None,
    workers: int | None = None,
    **parameters: Any,  # noqa: ANN401 -- each verb has its own, which it checks
) -> Mapper:
    """Make a callable that runs a verb over batches of Arrow.

    Args:
        verb: The verb, as in ``fillmask.batch``.
        model: As in ``fillmask.batch``.
        variant: As in ``FillMask``. A loaded model takes neither it nor ``providers`` and ``threads``.
        providers: As in ``FillMask``.
        threads: Threads of one run.
        text_column: The column of the texts.
        batch_size: Texts of one run, as in ``fillmask.batch``.
        workers: Runs at the same time; None is one for each core.
        parameters: Those of the verb, such as ``top_k=3``, as in ``fillmask.batch``.

    Raises:
        InputError: There is no such verb, a parameter is wrong, or pyarrow is not installed.
        ArtifactError: The model cannot be opened.
    """
    import_pyarrow("Arrow")
    found = find_verb(verb)
    found.check_names(parameters)
    check_unloaded(model, variant=variant, providers=providers, threads=threads)
    if not isinstance(model, FillMask):
        model = FillMask(model, variant=variant, providers=providers, threads=threads)
    return Mapper(found, model, text_column, (batch_size, workers), parameters)


class Mapper:
    """A verb over batches of Arrow; made by ``mapper``. It pickles as its ``FillMask`` does.

    Args:
        verb: The verb.
        fill_mask: The loaded model.
        text_column: The column of the texts.
        batches: Texts of one run and runs at the same time, None for those of ``fillmask.batch``.
        parameters: The verb's parameters.

    Attributes:
        columns: The columns of the result with their types of pyarrow: that of the verb, ``warnings``, ``error`` and
            ``error_type``.
    """

    def __init__(
        self,
        verb: BatchVerb,
        fill_mask: FillMask,
        text_column: str,
        batches: tuple[int | None, int | None],
        parameters: dict[str, Any],
    ) -> None:
        model = fill_mask.model
        self._remake = partial(mapper, verb.verb.name, model=fill_mask, text_column=text_column,
                               batch_size=batches[0], workers=batches[1], **parameters)  # fmt: skip
        self._verb, self._model, self._text_column = verb, model, text_column
        self._parameters = resolve_parameters(model, verb, parameters)
        self._concurrency = choose_batches(model, *batches, alone=verb.alone)
        columns: dict[str, ColumnType] = {verb.column: verb.nested, "warnings": ["string"]}
        columns |= {"error": "string", "error_type": "string"}
        self.columns = {name: arrow_type(kind) for name, kind in columns.items()}

    def __call__(self, batch: Any) -> Any:  # noqa: ANN401 -- pyarrow has no types
        """Run the verb over the rows of a batch.

        Args:
            batch: A ``pyarrow.Table`` or ``pyarrow.RecordBatch``.

        Returns:
            The same with the columns of the result behind its own. A row that has no result has nulls, ``error`` and
            ``error_type``.

        Raises:
            InputError: There is no column of texts, or there is a column of the result.
        """
        schema = self.schema(batch.schema)
        columns = self._run(batch.column(self._text_column))
        return type(batch).from_arrays([*batch.columns, *columns], schema=schema)

    def schema(self, schema: Any) -> Any:  # noqa: ANN401 -- pyarrow has no types
        """The schema of the batches that come out, from that of those that go in.

        Raises:
            InputError: As in ``__call__``.
        """
        if schema.names.count(self._text_column) != 1:
            names = ", ".join(map(repr, schema.names))
            raise InputError(f"the batch must have one column {self._text_column!r}; it has {names}")
        clash = next((name for name in self.columns if name in schema.names), None)
        if clash is not None:
            raise InputError(f"the batch has a column {clash!r}, which the result needs; rename it")
        arrow: Any = import_pyarrow("Arrow")
        for name, kind in self.columns.items():
            schema = schema.append(arrow.field(name, kind))
        return schema

    def column(self, texts: Any) -> Any:  # noqa: ANN401 -- pyarrow has no types
        """Run the verb over one column, for functions of columns such as those of DuckDB.

        Args:
            texts: A ``pyarrow.Array`` or ``pyarrow.ChunkedArray`` of texts.

        Returns:
            A ``pyarrow.StructArray`` of the columns of the result.
        """
        arrow: Any = import_pyarrow("Arrow")
        fields = [arrow.field(name, kind) for name, kind in self.columns.items()]
        return arrow.StructArray.from_arrays(self._run(texts), fields=fields)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._remake, ()

    def _run(self, texts: Iterable[Any]) -> list[Any]:
        rows = [*self._records(texts)]
        values = zip(*rows, strict=True) if rows else ([] for _ in self.columns)
        return [to_array(list(column), kind) for column, kind in zip(values, self.columns.values(), strict=True)]

    def _records(self, texts: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
        task, value = self._verb.verb.task, self._parameters.value
        tasks = (task(self._model, text, value) for text in texts_of("texts must be a column of strings", texts))
        for outcome in run_tasks(self._model, tasks, self._concurrency, windows=growing_windows(sys.maxsize)):
            if isinstance(outcome, InputError):
                yield None, None, str(outcome), type(outcome).__name__
            else:
                messages = [notice.message for notice in outcome.notices]
                yield self._verb.nest(outcome.value), messages or None, None, None
