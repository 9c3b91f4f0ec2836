"""Shapes a row and its result into records: nested, one a row, or flat, one a line of the result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from fillmask.errors import InputError
from fillmask.files.inputs import REQUEST_ID, Inputs, is_request
from fillmask.files.rows import Columns, Row
from fillmask.files.verbs import BatchVerb, ColumnType
from fillmask.files.writers import Record, to_json
from fillmask.tasks import Result

Outcome: TypeAlias = "Result[Any] | InputError"
KEEP = ("all", "id")


@dataclass(frozen=True)  # without slots: what is the same for every row is found once
class Layout:
    """What a record of the output holds.

    Attributes:
        verb: The verb, which names the columns of its results.
        inputs: The inputs.
        keep: ``"all"`` keeps the columns of the input, ``"id"`` only what identifies a row.
        flat: Whether each line of a result is a record.
        fixed: Whether every record has the same columns, as CSV and Parquet need. The columns of a JSONL row are then
            kept in one column ``input``, as JSON.
    """

    verb: BatchVerb
    inputs: Inputs
    keep: str
    flat: bool
    fixed: bool

    @cached_property
    def names_files(self) -> bool:
        """Whether a record names the file of its row, beside its place there."""
        return not self.inputs.id and len(self.inputs.paths) > 1

    def columns(self) -> Mapping[str, ColumnType]:
        """The columns and their types, for formats that fix them."""
        return self._kept_columns | self._result_columns

    def check(self) -> None:
        """Refuse columns of the input that have the name of a column of the result.

        Raises:
            InputError: There is one.
        """
        clash = self._clash(self.inputs.columns or {}) if self.keep == "all" else None
        if clash is not None:
            raise InputError(
                f"the inputs have a column {clash!r}, which the result needs; rename it, make it the id, or "
                f"keep only the id"
            )
        if self.inputs.id in self._reserved:
            raise InputError(f"the id cannot be the column {self.inputs.id!r}, which the result needs")

    def shape(self, row: Row, outcome: Outcome) -> Sequence[Record]:
        """Make the records of one row, at least one: with fixed columns their values in the order of ``columns``."""
        return self._lines(row, outcome) if self.fixed else self._objects(row, outcome)

    def checked(self, row: Row) -> InputError | None:
        """Why a row has no result before the verb sees it: it is malformed, or its columns clash."""
        if row.error is None and self.keep == "all" and self.inputs.columns is None and not self.fixed:
            clash = self._clash(row.columns)
            if clash is not None:
                return InputError(
                    f"the row has a column {clash!r}, which the result needs; rename it, make it the id, or "
                    f"keep only the id"
                )
        return row.error

    def _lines(self, row: Row, outcome: Outcome) -> Sequence[Record]:
        kept = tuple(map(self._kept(row).get, self._kept_columns))
        if isinstance(outcome, InputError):
            return [(*kept, *self._no_result, None, str(outcome), type(outcome).__name__)]
        messages = [notice.message for notice in outcome.notices]
        if not self.flat:
            return [(*kept, self.verb.nest(outcome.value), messages or None, None, None)]
        end = ("; ".join(messages) if messages else None, None, None)
        return [(*kept, *line, *end) for line in self.verb.flatten(outcome.value)] or [(*kept, *self._no_result, *end)]

    def _objects(self, row: Row, outcome: Outcome) -> Sequence[Record]:
        kept = self._kept(row)
        if isinstance(outcome, InputError):
            return [kept | {"error": str(outcome), "error_type": type(outcome).__name__}]
        messages = [notice.message for notice in outcome.notices]
        if not self.flat:
            kept[self.verb.column] = self.verb.nest(outcome.value)
            return [kept | {"warnings": messages} if messages else kept]
        kept |= {"warnings": "; ".join(messages)} if messages else {}
        return [kept | dict(zip(self.verb.flat, line, strict=True)) for line in self.verb.flatten(outcome.value)] or [
            kept
        ]

    def _kept(self, row: Row) -> Columns:
        identity: Columns = {} if self.inputs.id else self._place(row)
        if self.inputs.id and (self.keep == "id" or self._packed):
            identity = {self.inputs.id: self._id(row)}
        if self.keep == "id":
            echoed = REQUEST_ID in row.columns and not self.fixed and is_request(row.columns, self.inputs.text)
            return identity | {REQUEST_ID: row.columns[REQUEST_ID]} if echoed else identity
        if self._packed:
            return identity | {"input": to_json(row.columns)}
        return identity | {name: value for name, value in row.columns.items() if name not in self._reserved}

    def _place(self, row: Row) -> Columns:
        return {"file": row.file, "row": row.index} if self.names_files else {"row": row.index}

    def _id(self, row: Row) -> Any:  # noqa: ANN401 -- an id has any type
        value = row.columns.get(str(self.inputs.id))
        if self._packed_id and value is not None and not isinstance(value, str):
            return json.dumps(value, default=str)
        return value

    @cached_property
    def _kept_columns(self) -> dict[str, ColumnType]:
        names = self.inputs.columns or {}
        if self.inputs.id is None:
            identity = {"file": "string", "row": "int64"} if self.names_files else {"row": "int64"}
        elif self.keep == "id" or self._packed:
            identity = {self.inputs.id: names.get(self.inputs.id, "string")}
        else:
            identity = {}
        if self.keep == "id":
            return identity
        return identity | ({"input": "string"} if self._packed else dict(names))

    @cached_property
    def _result_columns(self) -> dict[str, ColumnType]:
        if self.flat:
            return {**self.verb.flat, "warnings": "string", "error": "string", "error_type": "string"}
        return {self.verb.column: self.verb.nested, "warnings": ["string"], "error": "string", "error_type": "string"}

    @cached_property
    def _no_result(self) -> tuple[None, ...]:
        return (None,) * (len(self.verb.flat) if self.flat else 1)

    @cached_property
    def _reserved(self) -> set[str]:
        place = set() if self.inputs.id else {"file", "row"} if self.names_files else {"row"}
        return place | self._result_columns.keys() | ({"input"} if self._packed else set())

    def _clash(self, columns: Mapping[str, Any]) -> str | None:
        if self._reserved.isdisjoint(columns):
            return None
        return next((name for name in columns if name in self._reserved), None)

    @cached_property
    def _packed_id(self) -> bool:
        return self.fixed and self.inputs.columns is None

    @cached_property
    def _packed(self) -> bool:
        return self._packed_id and self.keep == "all"
