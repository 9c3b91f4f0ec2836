"""Runs a batch of jobs: starts their tasks, runs what the tasks read, and gives an outcome for each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fillmask.errors import FillMaskError, InputError, IntegrityError
from fillmask.executor import Logits
from fillmask.model import Model
from fillmask.notices import Notice
from fillmask.server.http_errors import HttpError
from fillmask.server.job import Expired, Job, JobResult
from fillmask.server.own_run import OwnRun
from fillmask.server.registry import ServedModel
from fillmask.shared_runs import is_alone, run_reads
from fillmask.task_stream import TaskRun
from fillmask.tasks import Read, Task

_log = logging.getLogger(__name__)
Outcome: TypeAlias = JobResult | Exception | None
"""A result, an error, or None: the task has another round."""


def work(jobs: Sequence[Job], on_start: Callable[[Sequence[Job]], None]) -> list[Outcome]:
    """Run jobs of one model for one round.

    Args:
        jobs: At least one.
        on_start: Called with the jobs that start, which excludes expired ones.

    Returns:
        The outcome of each job.
    """
    start = monotonic()
    timely = [job for job in jobs if start < job.deadline]
    on_start(timely)
    outcomes = dict(zip(timely, _run_or_fail(timely, start), strict=True))
    return [outcomes.get(job, Expired()) for job in jobs]


def _run_or_fail(jobs: Sequence[Job], start: float) -> Sequence[Outcome]:
    errors = {job: error for job in jobs if (error := _begin(job, start)) is not None}
    waiting = _without_padding([(job, job.task) for job in jobs if job.task is not None and job.task.outcome is None])
    try:
        if waiting:
            _run_round(waiting)
    except BaseException as error:
        failure = _failure(error, jobs[0].model)
        errors |= {job: failure for job, _ in waiting}
    return [errors.get(job) or _encoded(job) for job in jobs]


def _without_padding(jobs: list[tuple[Job, TaskRun[object]]]) -> list[tuple[Job, TaskRun[object]]]:
    """Give the jobs that run now: where padding changes scores, those whose rows are as long as the first one's.

    The others enter the queue again, with the length that is known now.
    """
    if len(jobs) < 2 or jobs[0][0].model.model.batch_invariant:
        return jobs
    lengths = {read.input_ids.size for read in jobs[0][1].reads}
    for job, task in jobs:
        job.weight = max(read.input_ids.size for read in task.reads)
    return [pair for pair in jobs if lengths.issuperset(read.input_ids.size for read in pair[1].reads)]


def _encoded(job: Job) -> Outcome:
    try:
        return _outcome(job)
    except BaseException as error:
        return _failure(error, job.model)


def _begin(job: Job, start: float) -> Exception | None:
    """Start a job's task, unless it is under way; an error that is not the text's fault is returned."""
    if job.task is not None:
        return None
    job.result.queue, tokenize_start = start - job.submitted, monotonic()
    try:
        job.task = TaskRun(job.start())
        _check(job, job.task)
    except InputError as error:
        job.task = TaskRun(_raising(error))
    except BaseException as error:
        return _failure(error, job.model)
    job.result.tokenize = monotonic() - tokenize_start
    return None


def _raising(error: InputError) -> Task[object]:
    raise error
    yield


def _check(job: Job, task: TaskRun[object]) -> None:
    """End a task whose reads are beyond a limit."""
    try:
        job.check(task.reads)
    except InputError as error:
        task.outcome, task.reads = error, []


def _run_round(jobs: Sequence[tuple[Job, TaskRun[object]]]) -> None:
    """Run what the tasks wait for, and send them the results. Of a task that runs alone, only the next batch runs."""
    model, run_start = jobs[0][0].model.model, monotonic()
    timer = _Timer(model)
    alone = [pair for pair in jobs if is_alone(model, pair[1].reads)]
    together = [pair for pair in jobs if not is_alone(model, pair[1].reads)]
    tokens = [_step(job, task, timer) for job, task in alone]
    tokens += _run_together(model, [task for _, task in together], timer)
    post = monotonic() - run_start - timer.seconds
    total = sum(tokens) or 1
    for (job, _), own in zip([*alone, *together], tokens, strict=True):
        job.result.tokens += own
        job.result.run += timer.seconds * own / total
        job.result.post += post * own / total


def _step(job: Job, task: TaskRun[object], logits: Logits) -> int:
    """Run the next batch of a task, send the results after the last one, and return the tokens that ran."""
    job.own = job.own or OwnRun(job.model.model, task.reads)
    tokens = job.own.step(logits)
    if (results := job.own.results) is not None:
        job.own = None
        task.send(results)
    return tokens


def _run_together(model: Model, tasks: Sequence[TaskRun[object]], logits: Logits) -> list[int]:
    """Run a round of several tasks, and return the tokens of each."""
    reads = [read for task in tasks for read in task.reads]
    tokens = [sum(read.input_ids.size for read in task.reads) for task in tasks]
    results = iter(run_reads(model, reads, len(reads) if model.equal_length_invariant else 1, logits))
    for task in tasks:
        task.send([next(results) for _ in task.reads])
    return tokens


class _Timer:
    """``Model.logits``, timed."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.seconds = 0.0

    def __call__(self, reads: Sequence[Read]) -> NDArray[np.float32]:
        start = monotonic()
        try:
            return self._model.logits(reads)
        finally:
            self.seconds += monotonic() - start


def _outcome(job: Job) -> Outcome:
    outcome = None if job.task is None else job.task.outcome
    if outcome is None:
        return None
    if isinstance(outcome, FillMaskError):
        if not isinstance(outcome, InputError):
            return _failure(outcome, job.model)
        job.result.value, job.result.warnings = outcome, _messages(outcome.notices)
        return job.result
    job.result.warnings = _messages(outcome.notices)
    try:
        job.result.value = job.encode(outcome.value)
    except InputError as error:
        job.result.value = error
    return job.result


def _messages(notices: Iterable[Notice]) -> list[str]:
    return [notice.message for notice in notices]


def _failure(error: BaseException, model: ServedModel) -> Exception:
    """Log a failure. A panic of the tokenizers library is not an Exception, and must not end the thread."""
    if isinstance(error, FillMaskError):
        _log.error("a run failed: %s", error)
        return HttpError(503, model.written_weights) if isinstance(error, IntegrityError) else error
    _log.error("a run failed", exc_info=error)
    return FillMaskError(f"{type(error).__name__} in a run")
