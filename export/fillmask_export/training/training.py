"""train(): an encoder and text files to a masked LM, in steps that can be stopped and continued at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from fillmask_export.training.batch import Batch, Batcher
from fillmask_export.training.data import Data
from fillmask_export.training.display import Display
from fillmask_export.training.errors import StoppedError, TrainingError
from fillmask_export.training.learner import Learner
from fillmask_export.training.model import choose_device, longest, open_encoder
from fillmask_export.training.progress import Progress
from fillmask_export.training.recipe import Recipe
from fillmask_export.training.stopping import stop_signals
from fillmask_export.training.texts import documents, kind
from fillmask_export.training.tokens import read_tokens, write_tokens
from fillmask_export.training.work import Work

_SAVE_EVERY = 60.0  # seconds; a kill loses at most this much

Scores = dict[str, dict[str, Any]]
"""Loss, accuracy and number of tokens, by ``"short"`` and ``"long"`` sequences."""


def train(
    encoder: str | Path,
    files: Sequence[str | Path],
    out: str | Path,
    recipe: Recipe,
    *,
    revision: str | None = None,
) -> dict[str, Any]:
    """Train an encoder or a masked LM on text, as a masked LM.

    An unfinished training is in the folder ``OUT.training``. After a kill at any moment, the same call continues it.
    SIGINT, SIGTERM and SIGHUP save before they stop it. With a smaller budget the learning rate falls to zero within
    that.

    Args:
        encoder: A folder or a hub id.
        files: ``.txt``, ``.txt.xz``, ``.jsonl`` and ``.jsonl.xz``; each counts by its size. They stay as they are
            until the training has ended.
        out: The folder to create, for transformers and ``fillmask export``.
        recipe: The settings.
        revision: Branch, tag or commit of a hub encoder.

    Returns:
        The content of ``OUT/training.json``: settings, counts, and the scores on held-out text before and after.

    Raises:
        TrainingError: An argument is unusable, or the training was stopped.
    """
    out, paths = Path(out), [Path(file) for file in files]
    _check(out, paths)
    device = choose_device(recipe)
    work = Work(out)
    with work.locked():
        _check(out, paths)  # again, since another training may have ended
        return _train(str(encoder), paths, recipe, work, device=device, revision=revision)


def _train(
    encoder: str, paths: list[Path], recipe: Recipe, work: Work, *, device: torch.device, revision: str | None
) -> dict[str, Any]:
    model, tokenizer, new = open_encoder(encoder, device, revision)
    tokenized = work.claim(f"{encoder}@{revision}" if revision else encoder, tokenizer, paths, recipe)
    batcher = Batcher(tokenizer, recipe)
    max_content = _content(longest(model, tokenizer, recipe.max_length), batcher.special)
    if not tokenized:
        with work.writing(OSError):
            write_tokens(work.folder, documents(paths, recipe.field), tokenizer, longest=max_content)
        work.note()
    with work.reading("ids.bin", "sentences.npz"):
        tokens = read_tokens(work.folder)
    data = Data(tokens, batcher, recipe, max_content)
    learner = Learner(model, new, recipe)
    held = data.held()
    before, progress = _begin(learner, data, held, work)
    _go_on(learner, data, before, progress, work=work)
    report = _describe(learner, recipe, progress) | {"before": before, "after": _scores(learner, held)}
    report |= {"encoder": Path(encoder).name, "files": [path.name for path in paths]}
    work.finish(model, tokenizer, report)
    return report


def _check(out: Path, files: list[Path]) -> None:
    if out.is_symlink() and not out.exists():
        raise TrainingError(f"{out} is a link to nothing; name a folder that does not exist, or remove the link")
    if out.exists():
        raise TrainingError(f"{out} exists; name a folder that does not")
    if not files:
        raise TrainingError("no text files were given")
    for file in files:
        kind(file)
        if not file.is_file():
            raise TrainingError(f"{file} does not exist, or is not a file")


def _content(length: int, special: int) -> int:
    """Tokens of the longest sequence without the special ones."""
    if length <= special:
        raise TrainingError(
            f"the longest sequence has {length} tokens (max_length, or what the model takes), and the tokenizer adds "
            f"{special} special ones; max_length must be at least {special + 1}"
        )
    return length - special


def _begin(learner: Learner, data: Data, held: dict[str, list[Batch]], work: Work) -> tuple[Scores, Progress]:
    """Load the state of an earlier run; without one, measure the scores before the training."""
    state = work.load()
    if state is not None:
        with work.reading("state.pt"):
            learner.load(state)
            return state["before"], Progress(**state["progress"])
    before, progress = _scores(learner, held), Progress()
    learner.choose_precision(data.samples())
    _save(learner, before, progress, work)
    return before, progress


def _go_on(learner: Learner, data: Data, before: Scores, progress: Progress, *, work: Work) -> None:
    """Train until the budget is spent.

    Raises:
        StoppedError: A signal stopped the training; its state is saved.
    """
    saved = perf_counter()
    stream = data.stream(progress.steps)
    with stop_signals() as stopped, Display(learner.precision) as display:
        while (share := progress.share(data.recipe)) < 1 and not stopped.is_set():
            started = perf_counter()
            batch = next(stream)
            loss = learner.step(batch, share)
            progress.add(int(batch.attention_mask.sum()), perf_counter() - started)
            display.show(progress, progress.share(data.recipe), loss)
            if perf_counter() - saved > _SAVE_EVERY:
                _save(learner, before, progress, work)
                saved = perf_counter()
    _save(learner, before, progress, work)
    if stopped.is_set():
        raise StoppedError(
            f"stopped and saved after {progress.steps} steps and {progress.seconds / 60:.1f} minutes; the same command "
            f"goes on, and with a smaller budget it ends sooner"
        )


def _save(learner: Learner, before: Scores, progress: Progress, work: Work) -> None:
    work.save(learner.state() | {"before": before, "progress": progress.counts()})


def _scores(learner: Learner, held: dict[str, list[Batch]]) -> Scores:
    return {name: learner.evaluate(batches) for name, batches in held.items()}


def _describe(learner: Learner, recipe: Recipe, progress: Progress) -> dict[str, Any]:
    return {
        "recipe": asdict(recipe) | {"precision": learner.precision, "device": learner.device.type},
        "steps": progress.steps,
        "tokens": progress.tokens,
        "minutes": round(progress.seconds / 60, 2),
    }
