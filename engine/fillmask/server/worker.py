"""Jobs that run together, from their texts to what came of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TypeAlias

from fillmask.answering import Answer, Row
from fillmask.errors import FillMaskError, InputError
from fillmask.parameters import Question
from fillmask.server.job import Done, Expired, Job
from fillmask.server.notices import collect

_log = logging.getLogger(__name__)
Outcome: TypeAlias = Done | Exception


def work(jobs: Sequence[Job], begun: Callable[[int], None]) -> list[Outcome]:
    """Answer jobs with the same model and question.

    Args:
        jobs: At least one.
        begun: Told how many of them begin to run.

    Returns:
        For each what came of it.
    """
    start = monotonic()
    late = [start >= job.deadline for job in jobs]
    timely = [job for job, is_late in zip(jobs, late, strict=True) if not is_late]
    begun(len(timely))
    outcomes = iter(_answered(timely, start)) if timely else iter(())
    return [Expired() if is_late else next(outcomes) for is_late in late]


def _answered(jobs: Sequence[Job], start: float) -> Sequence[Outcome]:
    try:
        return _run(jobs, start)
    except FillMaskError as error:
        return [error] * len(jobs)
    except BaseException as error:  # a panic of the tokenizers library is no Exception, and must not end the thread
        _log.exception("a run failed")
        return [FillMaskError(f"{type(error).__name__} in a run")] * len(jobs)


def _run(jobs: Sequence[Job], start: float) -> list[Outcome]:
    engine, ask = jobs[0].model.engine, jobs[0].ask
    with collect() as warned:
        try:
            question = engine.ask(ask.top_k, ask.targets, ask.truncation)
        except InputError as error:
            return [Done(error, list(warned), queue=start - job.submitted) for job in jobs]
    encoded = [_encode(job, question, start, warned) for job in jobs]
    rows = [row for _, own in encoded for row in own]
    began = monotonic()
    answers, seconds = engine.run(rows, question, len(rows) if engine.batches else 1)
    post = monotonic() - began - seconds
    ordered, tokens = iter(answers), sum(done.tokens for done, _ in encoded) or 1
    for done, own in encoded:
        if not isinstance(done.answer, InputError):
            done.answer = [mask for _ in own for mask in next(ordered)]
        done.run, done.post = seconds * done.tokens / tokens, post * done.tokens / tokens
    return [done for done, _ in encoded]


def _encode(job: Job, question: Question, start: float, warned: Sequence[str]) -> tuple[Done, list[Row]]:
    began = monotonic()
    answer: Answer | InputError = []
    rows: list[Row] = []
    with collect() as more:
        try:
            rows = job.model.engine.encode(job.text, question)
        except InputError as error:
            answer = error
    tokens = sum(row.input_ids.size for row in rows)
    done = Done(answer, [*warned, *more], tokens, queue=start - job.submitted, tokenize=monotonic() - began)
    return done, rows
