"""Every error and warning of fillmask.

::

    FillMaskError
    ├── InputError (ValueError)      an argument of a call: a text, targets, top_k, threads
    │   ├── TextError                not a string, or holds NUL or a lone surrogate
    │   ├── NoMaskError              no mask in it
    │   ├── TooLongError             more tokens than the model takes
    │   ├── TargetsError             targets that name no token
    │   ├── CandidatesError          candidates that the model cannot score
    │   └── TopKError                top_k outside 0…vocab_size
    ├── ArtifactError (ValueError)   a model folder that cannot be used
    │   └── IntegrityError           a file that is missing, or differs from the one that its manifest lists
    ├── ProviderError (RuntimeError) an execution provider that is missing or does not start
    ├── ForkError (RuntimeError)     a FillMask used in a forked child process
    └── JobError (RuntimeError)      a batch job that stopped under way: input cut off, disk full, too many bad rows

    UserWarning
    ├── ProviderWarning              the GPU, chosen by default, does not start; the CPU is used
    ├── TargetWarning                a target was replaced by its first piece, or ignored
    ├── TruncationWarning            truncation removed some masks; the others are predicted
    ├── UnknownWarning               a scored text has tokens that are not in the vocabulary
    └── UnusedWarning                an argument has no effect beside another one

Catch ``InputError`` to report a bad request and go on; let the rest stop the program:

    try:
        predictions = fill_mask.predict(text)
    except fillmask.InputError as error:
        print(f"no predictions for {text!r}: {error}")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fillmask.notices import Notice


class FillMaskError(Exception):
    """Base of every error of fillmask."""


class InputError(FillMaskError, ValueError):
    """An argument of a call cannot be used: a text, its targets, or its top_k.

    Attributes:
        notices: What else the caller should know, such as targets that were replaced before the error.
    """

    notices: tuple[Notice, ...] = ()


class TextError(InputError):
    """The text is not a string, or holds characters that no tokenizer takes."""


class NoMaskError(InputError):
    """The text holds no mask."""


class TooLongError(InputError):
    """The text has more tokens than the model takes."""


class TargetsError(InputError):
    """The targets name no token."""


class CandidatesError(InputError):
    """The candidates are not a list of strings, or the model cannot score one of them."""


class TopKError(InputError):
    """top_k is not a whole number from 0 to the size of the vocabulary."""


class ArtifactError(FillMaskError, ValueError):
    """The model folder cannot be used."""


class IntegrityError(ArtifactError):
    """A file of the model folder is missing or is not the one that its manifest lists."""


class ProviderError(FillMaskError, RuntimeError):
    """An execution provider is missing or does not start."""


class ForkError(FillMaskError, RuntimeError):
    """The model was loaded in another process, and this process is a fork of it."""


class JobError(FillMaskError, RuntimeError):
    """A batch job stopped under way; the parts that it has written stay whole."""


def first_line(error: BaseException) -> str:
    """The first line of another library's error."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def one_line(error: BaseException) -> str:
    """All lines of another library's error as one, where any of them may give the reason."""
    return " ".join(str(error).split()) or type(error).__name__


class ProviderWarning(UserWarning):
    """An execution provider that was chosen by default does not start, and another is used."""


class TargetWarning(UserWarning):
    """A target is not a token of the vocabulary and was replaced or ignored."""


class TruncationWarning(UserWarning):
    """Truncation removed some of the text's masks."""


class UnknownWarning(UserWarning):
    """A scored text has tokens that are not in the vocabulary."""


class UnusedWarning(UserWarning):
    """An argument has no effect beside another one."""
