"""Many texts: texts of like length run together, in several threads, and come back in order.

Texts are read a window at a time. While one window runs, the next is tokenized.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from fillmask.answering import Answer, Answerer, Row
from fillmask.artifact.folder import Artifact
from fillmask.errors import InputError
from fillmask.parameters import Question
from fillmask.runtime.session import Session

if TYPE_CHECKING:
    from concurrent.futures import Future

GPU_BATCH = 64
_BATCHES = 8  # of each worker are read together: enough for texts of like length to find each other
_MOST = 1024


class Room(NamedTuple):
    """What fits into a run.

    Attributes:
        tokens: Padding included; longer texts make smaller batches.
        masks: Each has a row of logits as long as the vocabulary.
    """

    tokens: int = 4096
    masks: int = 64


CPU_ROOM = Room()
GPU_ROOM = Room(tokens=32_768, masks=256)
Outcome = Answer | InputError


@dataclass(frozen=True, slots=True)
class Pace:
    """How many texts run together, checked.

    Attributes:
        batch_size: Texts of one run.
        workers: Runs at the same time.
        gpu: Whether they run on a GPU, which has room for more.
    """

    batch_size: int = 1
    workers: int = 1
    gpu: bool = False

    def __post_init__(self) -> None:
        for name, value in (("batch_size", self.batch_size), ("workers", self.workers)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST:
                raise InputError(f"{name} must be a whole number from 1 to {_MOST}, got {value!r}")


def find_pace(
    artifact: Artifact, variant: str, session: Session, batch_size: int | None = None, workers: int = 1
) -> Pace:
    """Check how many texts shall run together.

    Args:
        artifact: The model.
        variant: Its variant in use.
        session: Of the variant.
        batch_size: Texts of one run; None is 1, and on a GPU ``GPU_BATCH`` where the model is
            batch-invariant, which was measured on a CPU.
        workers: Runs at the same time.

    Raises:
        InputError: They are not numbers of texts and runs; or as ``check_batches`` says.
    """
    if batch_size is None:
        batch_size = GPU_BATCH if session.on_gpu and batch_invariant(artifact, variant, session) else 1
    pace = Pace(batch_size, workers, gpu=session.on_gpu)
    if batch_size > 1:
        check_batches(artifact, variant, session)
    return pace


def batch_invariant(artifact: Artifact, variant: str, session: Session) -> bool:
    """Whether no score depends on a text's neighbours in a run, as far as is known."""
    harmless = variant == "fp32" and session.takes_attention_mask
    return bool(artifact.manifest.get("variants", {}).get(variant, {}).get("batch_invariant", harmless))


def check_batches(artifact: Artifact, variant: str, session: Session) -> None:
    """Refuse to run several texts together where that changes their scores.

    Raises:
        InputError: The manifest says so; or, of a foreign folder, the variant is a quantized one, whose scales may
            come from all texts of a batch, or takes no attention mask, so that padding would be text.
    """
    if not batch_invariant(artifact, variant, session):
        raise InputError(
            f"variant {variant} of {artifact.source} is not batch-invariant, as far as is known: texts would change "
            f"each other's scores; take batch_size=1"
        )


def answer_many(answerer: Answerer, texts: Iterable[str], question: Question, pace: Pace) -> Iterator[Outcome]:
    """Answer texts, lazily and in order.

    Args:
        answerer: Encodes, runs and decodes.
        texts: Are read one at a time, or where several run together a window ahead of the answers.
        question: What is asked of every text.
        pace: How many texts run together.

    Returns:
        For each text its answer, or the InputError that says why it has none.
    """
    if pace.batch_size == pace.workers == 1:
        return (_answer_or_error(answerer, text, question) for text in texts)
    return _in_windows(answerer, texts, question, pace)


def plan(rows: Sequence[Row], batch_size: int, room: Room = CPU_ROOM) -> list[list[int]]:
    """Which rows run together: those of like length, and of equally many masks, for which the LM head runs.

    Args:
        rows: In any order.
        batch_size: Rows of a batch, at most.
        room: What else limits it.

    Returns:
        Indices of rows, each once.
    """
    shape = [(row.positions.size, row.input_ids.size) for row in rows]
    batches: list[list[int]] = []
    for index in sorted(range(len(rows)), key=shape.__getitem__):
        masks, length = shape[index]
        batch = batches[-1] if batches else []
        most = min(batch_size, room.tokens // length, room.masks // max(masks, 1))
        if batch and shape[batch[0]][0] == masks and len(batch) < most:
            batch.append(index)
        else:
            batches.append([index])
    return batches


def _answer_or_error(answerer: Answerer, text: str, question: Question) -> Outcome:
    try:
        return answerer.answer(text, question)
    except InputError as error:
        return error


def _in_windows(answerer: Answerer, texts: Iterable[str], question: Question, pace: Pace) -> Iterator[Outcome]:
    from concurrent.futures import ThreadPoolExecutor

    size, unread = pace.batch_size * pace.workers * _BATCHES, iter(texts)
    with ThreadPoolExecutor(pace.workers, "fillmask") as pool:
        before: Iterator[Outcome] = iter(())
        error: Exception | None = None
        try:
            while error is None:
                encoded, error = _encode(answerer, unread, question, size)
                running = _start(answerer, encoded, question, pace, pool.submit)
                yield from before
                before = running
            yield from before
            if not isinstance(error, StopIteration):
                raise error
        finally:
            pool.shutdown(cancel_futures=True)


def _encode(
    answerer: Answerer, texts: Iterator[str], question: Question, size: int
) -> tuple[list[list[Row] | InputError], Exception | None]:
    """The rows of the next texts, and why there are not more: what was read is answered before an error is raised."""
    encoded: list[list[Row] | InputError] = []
    try:
        while len(encoded) < size:
            encoded.append(_rows_or_error(answerer, next(texts), question))
    except Exception as error:
        return encoded, error
    return encoded, None


def _start(
    answerer: Answerer,
    encoded: Sequence[list[Row] | InputError],
    question: Question,
    pace: Pace,
    submit: Callable[..., Future[list[Answer]]],
) -> Iterator[Outcome]:
    """Start the runs of a window.

    Returns:
        The outcome of each text; the iterator waits for the runs as their texts' turns come.
    """
    rows = [row for each in encoded if not isinstance(each, InputError) for row in each]
    answers: dict[int, Callable[[], Answer]] = {}
    for batch in plan(rows, pace.batch_size, GPU_ROOM if pace.gpu else CPU_ROOM):
        run = submit(answerer.run, [rows[index] for index in batch], question)
        answers |= {index: partial(_result, run, place) for place, index in enumerate(batch)}
    return _collect(answerer, encoded, (answers[index] for index in range(len(rows))))


def _result(run: Future[list[Answer]], place: int) -> Answer:
    return run.result()[place]


def _collect(
    answerer: Answerer, encoded: Sequence[list[Row] | InputError], answers: Iterator[Callable[[], Answer]]
) -> Iterator[Outcome]:
    for each in encoded:
        answerer.check_process()  # in a fork there are no threads to wait for
        yield each if isinstance(each, InputError) else [masks for _ in each for masks in next(answers)()]


def _rows_or_error(answerer: Answerer, text: str, question: Question) -> list[Row] | InputError:
    try:
        return answerer.encode(text, question.truncation)
    except InputError as error:
        return error
