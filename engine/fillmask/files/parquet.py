"""Parquet by pyarrow: rows of a file, parts, and parts joined into one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from fillmask.errors import InputError, JobError, one_line
from fillmask.files.arrow_arrays import arrow_type, to_array
from fillmask.files.rows import Cell, Columns, ParseRow, Place
from fillmask.files.streams import import_pyarrow
from fillmask.files.verbs import ColumnType
from fillmask.files.writers import Record

_BUFFER = 1 << 20  # bytes; without it whole row groups are read into memory
_ROWS = 1000  # of a batch that is read, and of a row group that is written


class ParquetReader:
    """Rows of a Parquet file, with columns as cells.

    Args:
        path: The file.

    Raises:
        InputError: It is not a Parquet file, is cut off, or pyarrow is not installed.
    """

    def __init__(self, path: Path) -> None:
        self._arrow: Any = import_pyarrow("Parquet")
        parquet: Any = import_pyarrow("Parquet", "pyarrow.parquet")
        self._path, self._read, self._skip = path, 0, 0
        try:
            self._file = parquet.ParquetFile(path, buffer_size=_BUFFER, page_checksum_verification=True)
        except (OSError, self._arrow.ArrowException) as error:
            raise InputError(f"{path} cannot be read as Parquet: {one_line(error)}") from error
        self._total = max(self._file.metadata.num_rows, 1)
        names = self._file.schema_arrow.names
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            self.close()
            raise InputError(f"{path} names the column {twice[0]!r} twice")
        self.columns: Mapping[str, Any] | None = {field.name: self._plain(field) for field in self._file.schema_arrow}

    def rows(self) -> Iterator[ParseRow]:
        """Read the rows in batches.

        Raises:
            JobError: The file cannot be read on.
        """
        groups = range(self._skip_groups(), self._file.metadata.num_row_groups)
        batches = self._file.iter_batches(_ROWS, row_groups=list(groups), use_threads=False)
        while (columns := self._next(batches)) is not None:
            count = len(columns[0][1]) if columns else 0
            for index in range(min(self._skip, count), count):
                self._read += 1
                yield partial(_cells, columns, index)
            self._skip = max(self._skip - count, 0)

    def seek(self, place: Place) -> None:
        """Go to a row, before the first is read."""
        self._read = self._skip = place.row

    def reached(self) -> tuple[int, int]:
        """A Parquet file has neither lines nor a place in bytes."""
        return 0, 0

    def fraction(self) -> float:
        """The part of the rows that was read, from 0 to 1."""
        return float(self._read / self._total)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _skip_groups(self) -> int:
        """How many groups of rows lie before the row that is sought; what is left to skip lies in the next."""
        metadata = self._file.metadata
        for group in range(metadata.num_row_groups):
            rows = metadata.row_group(group).num_rows
            if self._skip < rows:
                return group
            self._skip -= rows
        return int(metadata.num_row_groups)

    def _next(self, batches: Iterator[Any]) -> list[tuple[str, Any]] | None:
        try:
            batch = next(batches, None)
        except (OSError, self._arrow.ArrowException) as error:
            raise JobError(f"{self._path} cannot be read past row {self._read}: {one_line(error)}") from error
        if batch is None:
            return None
        columns = zip(batch.schema.names, batch.columns, strict=True)
        return [(name, array.dictionary_decode() if hasattr(array, "dictionary") else array) for name, array in columns]

    def _plain(self, field: Any) -> Any:  # noqa: ANN401 -- a pyarrow type
        is_dictionary = self._arrow.types.is_dictionary(field.type)
        return field.type.value_type if is_dictionary else field.type


class ParquetEncoder:
    """Writes records into one Parquet file, a row group for each thousand, so that a part is never held whole.

    Args:
        file: Where the bytes go.
        columns: The columns and their types, fixed beforehand.
    """

    def __init__(self, file: IO[bytes], columns: Mapping[str, ColumnType]) -> None:
        self._arrow: Any = import_pyarrow("Parquet")
        parquet: Any = import_pyarrow("Parquet", "pyarrow.parquet")
        fields = [(name, arrow_type(kind)) for name, kind in columns.items()]
        self._schema = self._arrow.schema(fields)
        self._writer = parquet.ParquetWriter(file, self._schema)
        self._records: list[Record] = []

    def write(self, records: Sequence[Record]) -> None:
        """Write the records of one row."""
        self._records += records
        if len(self._records) >= _ROWS:
            self._flush()

    def close(self) -> None:
        """Write what is left and the footer."""
        if self._records:
            self._flush()
        self._writer.close()

    def abandon(self) -> None:
        """Write nothing more: pyarrow would try to when the writer is deleted, to a file that is closed or full."""
        self._writer.is_open = False

    def _flush(self) -> None:
        values = zip(*self._records, strict=True)
        columns = [self._array(list(each), field) for each, field in zip(values, self._schema, strict=True)]
        self._writer.write_batch(self._arrow.record_batch(columns, schema=self._schema))
        self._records = []

    def _array(self, values: list[Any], field: Any) -> Any:  # noqa: ANN401 -- a pyarrow field and array
        if any(isinstance(value, Cell) for value in values):
            groups = groupby(values, lambda value: id(value.array) if isinstance(value, Cell) else None)
            return self._arrow.concat_arrays([self._take(list(group), field) for _, group in groups])
        return to_array(values, field.type)

    def _take(self, values: list[Any], field: Any) -> Any:  # noqa: ANN401 -- a pyarrow field and array
        """Cells of one array, or nothing for rows that have no such column."""
        if not isinstance(values[0], Cell):
            return self._arrow.nulls(len(values), field.type)
        return values[0].array.take(self._arrow.array([cell.index for cell in values], "int64"))


def join(paths: Sequence[Path], file: IO[bytes]) -> None:
    """Write the rows of Parquet files, which have one schema, into one file."""
    parquet: Any = import_pyarrow("Parquet", "pyarrow.parquet")
    writer = parquet.ParquetWriter(file, parquet.read_schema(paths[0]))
    try:
        for path in paths:
            with parquet.ParquetFile(path) as part:
                for group in range(part.num_row_groups):
                    writer.write_table(part.read_row_group(group))
        writer.close()
    finally:
        writer.is_open = False  # see ParquetEncoder.abandon


def _cells(columns: list[tuple[str, Any]], index: int) -> Columns:
    return {name: Cell(array, index) for name, array in columns}
