"""Ask the engine and transformers the same question, and compare what they say: answers, errors and warnings."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from fillmask import FillMask, InputError, TargetWarning
from tests.support.cases import MASK, Call

TOLERANCE = 1e-5
KEYS = {"score": float, "token": int, "token_str": str, "sequence": str}
# What the engine raises where transformers raises these; only top_k's message is torch's own and differs.
ENGINE_ERRORS = {"PipelineException": "NoMaskError", "ValueError": "TargetsError", "RuntimeError": "TopKError"}


@dataclass(frozen=True)
class Outcome:
    """What came of a call.

    Attributes:
        answer: What was returned; None where an error was raised.
        error: Name of the engine's error class and its message; empty where there was none.
        warnings: What was said about targets, in order.
    """

    answer: Any
    error: list[str]
    warnings: list[str]


def ask_engine(engine: FillMask, call: Call) -> Outcome:
    """Answer a call with the engine."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answer, error = _attempt(engine, _inputs(call, engine.mask_token), call.parameters)
    said = [str(warning.message) for warning in caught if issubclass(warning.category, TargetWarning)]
    return Outcome(answer, [type(error).__name__, str(error)] if error else [], said)


def ask_reference(pipeline: Callable[..., Any], call: Call) -> Outcome:
    """Answer a call with transformers' FillMaskPipeline, its errors named as the engine's."""
    parameters = dict(call.parameters)
    if parameters.pop("truncation", None):
        parameters["tokenizer_kwargs"] = {"truncation": True}
    with _logged("transformers.pipelines.fill_mask") as said:
        answer, error = _attempt(pipeline, _inputs(call, pipeline.tokenizer.mask_token), parameters)
    assert not isinstance(error, RuntimeError) or "index k" in str(error), "transformers failed for another reason"
    return Outcome(answer, [ENGINE_ERRORS[type(error).__name__], str(error)] if error else [], said)


def assert_agree(ours: Outcome, theirs: Outcome) -> None:
    """Compare two outcomes: scores up to ``TOLERANCE``, everything else to the letter."""
    assert ours.error[:1] == theirs.error[:1], (ours.error, theirs.error)
    if theirs.error[:1] != ["TopKError"]:
        assert ours.error == theirs.error
    assert ours.warnings == theirs.warnings
    assert_same_answers(ours.answer, theirs.answer)


def assert_same_answers(ours: Any, theirs: Any, *, cut: bool = False) -> None:
    """Compare two answers of any shape: the rows of a mask, or a list of answers.

    Args:
        ours: The engine's.
        theirs: The reference's.
        cut: Other tokens follow each list. One that nearly ties with the last row of a list may be missing there.
    """
    assert type(ours) is type(theirs)
    if not theirs or isinstance(theirs[0], dict):
        _assert_same_rows(ours, theirs, cut=cut)
        return
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs, strict=True):
        assert_same_answers(our, their, cut=cut)


def _assert_same_rows(ours: list[dict[str, Any]] | None, theirs: list[dict[str, Any]] | None, *, cut: bool) -> None:
    if theirs is None:
        return
    assert len(ours) == len(theirs)
    for row in ours:
        assert [(key, type(value)) for key, value in row.items()] == list(KEYS.items())
    assert [row["score"] for row in ours] == pytest.approx([row["score"] for row in theirs], rel=0, abs=TOLERANCE)
    found, expected = ({row["token"]: row for row in rows} for rows in (ours, theirs))
    for token in found.keys() & expected.keys():  # rows whose scores nearly tie may change places
        score = pytest.approx(expected[token]["score"], rel=0, abs=TOLERANCE)
        assert found[token] == expected[token] | {"score": score}
    for rows, others, known in ((ours, theirs, expected), (theirs, ours, found)):
        missing = [row for row in rows if row["token"] not in known]
        assert all(cut and row["score"] <= others[-1]["score"] + TOLERANCE for row in missing), missing


def _inputs(call: Call, mask_token: str) -> Any:
    if isinstance(call.inputs, str):
        return call.inputs.replace(MASK, mask_token)
    texts = [text.replace(MASK, mask_token) for text in call.inputs]
    return (text for text in texts) if call.lazy else texts


def _attempt(ask: Callable[..., Any], inputs: Any, parameters: dict[str, Any]) -> tuple[Any, Exception | None]:
    """The answer, a lazy one read to its end, or what was raised."""
    lazy = not isinstance(inputs, (str, list))
    try:
        answer = ask(inputs, **parameters)
        return (list(answer) if lazy else answer), None
    except Exception as error:
        if isinstance(error, InputError) or type(error).__name__ in ENGINE_ERRORS:
            return None, error
        raise


@contextmanager
def _logged(name: str) -> Iterator[list[str]]:
    """Collect what a logger says; transformers' loggers do not pass it on to pytest's."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logging.getLogger(name).addHandler(handler)
    try:
        yield messages
    finally:
        logging.getLogger(name).removeHandler(handler)
