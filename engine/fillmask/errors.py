"""Everything fillmask raises or warns of.

::

    FillMaskError
    ├── InputError (ValueError)      an argument: a text, targets, top_k, threads; the engine itself is well
    │   ├── TextError                not a string, or holds NUL or a lone surrogate
    │   ├── NoMaskError              no mask in it
    │   ├── TooLongError             more tokens than the model takes
    │   ├── TargetsError             targets that name no token
    │   └── TopKError                top_k outside 0…vocab_size
    ├── ArtifactError (ValueError)   a model folder that cannot be used
    │   └── IntegrityError           a file that is missing, or is not the one its manifest lists
    ├── ProviderError (RuntimeError) an execution provider that is not there or does not start
    └── ForkError (RuntimeError)     an engine used in a forked child

    UserWarning
    ├── ProviderWarning              a GPU that nobody asked for does not start, the CPU answers
    ├── TargetWarning                a target was replaced by its first piece, or ignored
    └── TruncationWarning            truncation removed masks, the other masks are answered

Catch ``InputError`` to report a bad request and go on; let the rest stop the program:

    try:
        predictions = fill_mask.predict(text)
    except fillmask.InputError as error:
        print(f"cannot answer {text!r}: {error}")
"""

from __future__ import annotations


class FillMaskError(Exception):
    """Base of everything fillmask raises."""


class InputError(FillMaskError, ValueError):
    """A text, its targets or its top_k cannot be answered."""


class TextError(InputError):
    """The text is not a string, or holds characters that no tokenizer takes."""


class NoMaskError(InputError):
    """The text holds no mask."""


class TooLongError(InputError):
    """The text has more tokens than the model takes."""


class TargetsError(InputError):
    """The targets name no token."""


class TopKError(InputError):
    """top_k is not a whole number from 0 to the size of the vocabulary."""


class ArtifactError(FillMaskError, ValueError):
    """The model folder cannot be used."""


class IntegrityError(ArtifactError):
    """A file of the model folder is missing or is not the one that its manifest lists."""


class ProviderError(FillMaskError, RuntimeError):
    """An execution provider is missing or does not start."""


class ForkError(FillMaskError, RuntimeError):
    """The engine was made in another process, of which this one is a fork."""


def first_line(error: BaseException) -> str:
    """What another library says in its error, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def one_line(error: BaseException) -> str:
    """All lines of an error's message as one, where any of them may have the reason."""
    return " ".join(str(error).split()) or type(error).__name__


class ProviderWarning(UserWarning):
    """An execution provider that was not asked for does not start, and another took its place."""


class TargetWarning(UserWarning):
    """A target is not a token of the vocabulary and was replaced or ignored."""


class TruncationWarning(UserWarning):
    """Truncation removed some of the text's masks."""
