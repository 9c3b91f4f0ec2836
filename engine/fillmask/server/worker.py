"""Runs a batch of jobs: starts their tasks, runs what the tasks read, and gives an outcome for each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fillmask.errors import FillMaskError, InputError, IntegrityError, TextError
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


def work(
    jobs: Sequence[Job], on_start: Callable[[Sequence[Job]], None], on_batches: Callable[[Job], None]
) -> list[Outcome]:
    """Run jobs of one model for one round, or of a task that runs alone, for one batch.

    Args:
        jobs: At least one.
        on_start: Called with the jobs that start, which excludes expired ones.
        on_batches: Called with a job that has several batches, before the first one runs; other threads may ``assist``.

    Returns:
        The outcome of each job.
    """
    start = monotonic()
    timely = [job for job in jobs if start < job.deadline]
    on_start(timely)
    outcomes = dict(zip(timely, _run_or_fail(timely, start, on_batches), strict=True))
    return [outcomes.get(job, Expired()) for job in jobs]


def assist(job: Job) -> None:
    """Run the next batch of a job that another thread runs."""
    if (own := job.own) is not None:
        timer = _Timer(job.model.model)
        own.step(timer, lambda tokens: job.assisted.append((tokens, timer.seconds)))


def _run_or_fail(jobs: Sequence[Job], start: float, on_batches: Callable[[Job], None]) -> Sequence[Outcome]:
    errors = {job: error for job in jobs if (error := _begin(job, start)) is not None}
    waiting = [(job, job.task) for job in jobs if job.task is not None and job.task.outcome is None]
    try:
        waiting = _without_padding([(job, task) for job, task in waiting if not _leaves(job, task)])
        if running := [(job, task) for job, task in waiting if not _exceeds(job, task)]:
            errors |= _run_round(running, on_batches)
    except BaseException as error:
        failure = _failure(error, jobs[0].model)
        errors |= {job: failure for job, _ in waiting}
    return [errors.get(job) or _encoded(job) for job in jobs]


def _leaves(job: Job, task: TaskRun[object]) -> bool:
    """Whether a job leaves for the queue of bulk: it has more tokens to run than its text's length let expect."""
    if job.bulk:
        return False
    job.bulk = sum(read.input_ids.size for read in task.reads) > job.most_small
    return job.bulk


def _exceeds(job: Job, task: TaskRun[object]) -> bool:
    """Whether a task reads more rows than a request may, which ends it; a round counts once."""
    if job.own is None:
        job.rows += len(task.reads)
    if job.rows <= job.most_rows:
        return False
    allowed = f"a text takes at most {job.most_rows} rows, and this one needs more"
    task.outcome, task.reads = TextError(f"{allowed}; send a shorter text or fewer candidates"), []
    return True


def _without_padding(jobs: list[tuple[Job, TaskRun[object]]]) -> list[tuple[Job, TaskRun[object]]]:
    """Give the jobs that run now: where padding changes scores, those whose rows are as long as the first one's.

    The others enter the queue again, with the length that is known now.
    """
    if len(jobs) < 2 or jobs[0][0].model.model.batch_invariant:
        return jobs
    lengths = {read.input_ids.size for read in jobs[0][1].reads}
    for job, task in jobs:
        job.weight = max((read.input_ids.size for read in task.reads), default=job.weight)  # it may read nothing
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


def _run_round(jobs: Sequence[tuple[Job, TaskRun[object]]], on_batches: Callable[[Job], None]) -> dict[Job, Exception]:
    """Run what the tasks wait for, and send them the results. Of a task that runs alone, only the next batch runs.

    Returns:
        The failures of tasks that run alone.
    """
    model, run_start = jobs[0][0].model.model, monotonic()
    timer = _Timer(model)
    alone = [pair for pair in jobs if is_alone(model, pair[1].reads)]
    together = [pair for pair in jobs if not is_alone(model, pair[1].reads)]
    errors: dict[Job, Exception] = {}
    tokens: list[int] = []
    for job, task in alone:
        try:
            tokens.append(_step(job, task, timer, on_batches))
        except BaseException as error:
            errors[job], job.own = _failure(error, job.model), None
            tokens.append(0)
    tokens += _run_together(model, [task for _, task in together], timer)
    post = monotonic() - run_start - timer.seconds - timer.waited
    total = sum(tokens) or 1
    for (job, _), own in zip([*alone, *together], tokens, strict=True):
        job.result.tokens += own
        job.result.run += timer.seconds * own / total
        job.result.post += post * own / total
    return errors


def _step(job: Job, task: TaskRun[object], timer: _Timer, on_batches: Callable[[Job], None]) -> int:
    """Run the next batch of a task, send the results after the last one, and return the tokens that ran here."""
    if job.own is None:
        job.own = OwnRun(job.model.model, task.reads)
        if job.own.several:
            on_batches(job)
    tokens = job.own.step(timer)
    if not job.own.waiting:
        results = timer.wait(job.own)
        job.own = None
        _add_assisted(job)
        task.send(results)
    return tokens


def _add_assisted(job: Job) -> None:
    for tokens, seconds in job.assisted:
        job.result.tokens += tokens
        job.result.run += seconds
    job.assisted.clear()


def _run_together(model: Model, tasks: Sequence[TaskRun[object]], logits: Logits) -> list[int]:
    """Run a round of several tasks, and return the tokens of each."""
    reads = [read for task in tasks for read in task.reads]
    tokens = [sum(read.input_ids.size for read in task.reads) for task in tasks]
    results = iter(run_reads(model, reads, len(reads) if model.equal_length_invariant else 1, logits))
    for task in tasks:
        task.send([next(results) for _ in task.reads])
    return tokens


class _Timer:
    """``Model.logits``, timed, and the time of waiting for other threads."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.seconds = self.waited = 0.0

    def __call__(self, reads: Sequence[Read]) -> NDArray[np.float32]:
        start = monotonic()
        try:
            return self._model.logits(reads)
        finally:
            self.seconds += monotonic() - start

    def wait(self, own: OwnRun) -> list[Any]:
        """Give the results of a round once all its batches have run."""
        start = monotonic()
        try:
            return own.results()
        finally:
            self.waited += monotonic() - start


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
