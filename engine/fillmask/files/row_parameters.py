"""The parameters of a verb: those of the job, and those that a row names for itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from fillmask.errors import InputError
from fillmask.files.rows import Row
from fillmask.files.verbs import BatchVerb
from fillmask.model import Model
from fillmask.notices import Notice, warn
from fillmask.tasks import Result, Task
from fillmask.tasks.prior import Prior

_MOST_KEPT = 256  # resolved parameters of rows; rows often name the same ones


@dataclass(frozen=True, slots=True)
class JobParameters:
    """The parameters of a job.

    Attributes:
        model: The model.
        verb: The verb.
        given: As given, by name.
        value: Resolved.
    """

    model: Model
    verb: BatchVerb
    given: Mapping[str, Any]
    value: Any
    _kept: dict[str, Result[Any]] = field(default_factory=dict, init=False, repr=False)

    def task(self, row: Row) -> Task[Any]:
        """Start the task of a row.

        Raises:
            InputError: The row's own parameters are wrong.
        """
        if row.parameters is None:
            return self.verb.verb.task(self.model, row.text, self.value)
        resolved = self._of_row(row.parameters)
        task = self.verb.verb.task(self.model, row.text, resolved.value)
        return _noticed(task, resolved.notices) if resolved.notices else task

    def _of_row(self, parameters: Any) -> Result[Any]:  # noqa: ANN401 -- what the row holds
        if not isinstance(parameters, dict):
            raise InputError(f"parameters must be a JSON object, got {type(parameters).__name__}")
        self.verb.check_names(parameters)
        key = json.dumps(parameters, sort_keys=True)
        if key not in self._kept:
            resolved = _resolve(self.model, self.verb, {**self.given, **parameters})
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = resolved
        return self._kept[key]


def plain_parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """Make the parameters of a job what JSON holds, since ``_job.json`` records them.

    A prior becomes its fields, a number of numpy one of Python, and a tuple a list.

    Raises:
        InputError: JSON does not hold a value, or not so deep.
    """
    try:
        return {name: _plain(name, value) for name, value in given.items()}
    except RecursionError as error:
        raise InputError("a parameter is nested too deeply") from error


def resolve_parameters(model: Model, verb: BatchVerb, given: Mapping[str, Any]) -> JobParameters:
    """Check and resolve the parameters of a job, and warn of what was replaced.

    Raises:
        InputError: One is wrong, or the verb does not take it.
    """
    verb.check_names(given)
    try:
        resolved = _resolve(model, verb, given)
    except InputError as error:
        warn(error.notices)
        raise
    warn(resolved.notices)
    return JobParameters(model, verb, given, resolved.value)


def _resolve(model: Model, verb: BatchVerb, parameters: Mapping[str, Any]) -> Result[Any]:
    resolved = verb.verb.resolve(model, **parameters)
    verb.check(model, parameters)
    return resolved


def _plain(name: str, value: Any) -> Any:  # noqa: ANN401 -- each parameter has its own type
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Prior):
        value = asdict(value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(name, each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [_plain(name, each) for each in value]
    raise InputError(
        f"the parameter {name} holds {value!r:.80} ({type(value).__name__}), and a job records its parameters as JSON; "
        f"give strings, numbers, True, False, None, lists, or dicts whose keys are strings"
    )


def _noticed(task: Task[Any], notices: tuple[Notice, ...]) -> Task[Any]:
    """A task whose result has further notices."""
    result = yield from task
    return Result(result.value, notices + result.notices)
