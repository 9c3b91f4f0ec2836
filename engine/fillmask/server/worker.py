"""Runs a batch of jobs: checks their parameters, tokenizes, predicts, and returns a result for each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TypeAlias

from fillmask.errors import FillMaskError, InputError
from fillmask.server.job import Expired, Job, JobResult
from fillmask.server.notices import collect
from fillmask.server.registry import CheckedParameters, Predictions, Row

_log = logging.getLogger(__name__)
Outcome: TypeAlias = JobResult | Exception


def work(jobs: Sequence[Job], on_start: Callable[[int], None]) -> list[Outcome]:
    """Run jobs with equal model and parameters.

    Args:
        jobs: At least one.
        on_start: Called with the number of jobs that start, which excludes expired ones.

    Returns:
        The outcome of each job.
    """
    start = monotonic()
    late = [start >= job.deadline for job in jobs]
    timely = [job for job, is_late in zip(jobs, late, strict=True) if not is_late]
    on_start(len(timely))
    outcomes = iter(_run_or_fail(timely, start)) if timely else iter(())
    return [Expired() if is_late else next(outcomes) for is_late in late]


def _run_or_fail(jobs: Sequence[Job], start: float) -> Sequence[Outcome]:
    try:
        return _run(jobs, start)
    except FillMaskError as error:
        return [error] * len(jobs)
    except BaseException as error:  # a panic of the tokenizers library is not an Exception, and must not end the thread
        _log.exception("a run failed")
        return [FillMaskError(f"{type(error).__name__} in a run")] * len(jobs)


def _run(jobs: Sequence[Job], start: float) -> list[Outcome]:
    model = jobs[0].model
    with collect() as warned:
        try:
            checked = model.check_parameters(jobs[0].parameters)
        except InputError as error:
            return [JobResult(error, list(warned), queue=start - job.submitted) for job in jobs]
    encoded = [_encode(job, checked, start, warned) for job in jobs]
    rows = [row for _, own in encoded for row in own]
    run_start = monotonic()
    predictions, seconds = model.run(rows, checked, len(rows) if model.batch_invariant else 1)
    post = monotonic() - run_start - seconds
    ordered, tokens = iter(predictions), sum(done.tokens for done, _ in encoded) or 1
    for done, own in encoded:
        if not isinstance(done.result, InputError):
            done.result = [mask for _ in own for mask in next(ordered)]
        done.run, done.post = seconds * done.tokens / tokens, post * done.tokens / tokens
    return [done for done, _ in encoded]


def _encode(job: Job, checked: CheckedParameters, start: float, warned: Sequence[str]) -> tuple[JobResult, list[Row]]:
    encode_start = monotonic()
    result: Predictions | InputError = []
    rows: list[Row] = []
    with collect() as more:
        try:
            rows = job.model.encode(job.text, checked)
        except InputError as error:
            result = error
    tokens = sum(row.input_ids.size for row in rows)
    queue, tokenize = start - job.submitted, monotonic() - encode_start
    return JobResult(result, [*warned, *more], tokens, queue=queue, tokenize=tokenize), rows
