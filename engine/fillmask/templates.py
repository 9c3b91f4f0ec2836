"""Templates: a text with one field for the caller's text and one mask for the word that is read."""

from __future__ import annotations

from typing import NamedTuple

from fillmask.encoding import check_text
from fillmask.errors import InputError, TextError, TooLongError
from fillmask.model import Model
from fillmask.spans import Span
from fillmask.text_tokens import tokenize

FIELD = "{text}"
_TRIALS = 8  # a cut text may have some tokens more or fewer than it had inside the longer one


class Template(NamedTuple):
    """A template, taken apart.

    Attributes:
        text: As the caller wrote it.
        field: Where the field is.
        mask: Where the mask is.
    """

    text: str
    field: Span
    mask: Span

    def fill(self, text: str) -> tuple[str, Span]:
        """Put a text into the field; also give where the mask then is.

        Nothing in the caller's text becomes a field or a slot.
        """
        filled = self.text[: self.field.start] + text + self.text[self.field.end :]
        shift = len(text) - len(FIELD) if self.mask.start >= self.field.end else 0
        return filled, Span(self.mask.start + shift, self.mask.end + shift)


def parse_template(model: Model, template: object) -> Template:
    """Find the field and the mask of a template.

    Raises:
        InputError: It is no text, or has not exactly one ``{text}`` and one mask.
    """
    try:
        check_text(template)
    except TextError as error:
        raise InputError(f"template: {error}") from error
    text = str(template)
    token = model.tokenizer.mask_token
    names = [token] if token in text else list(model.encoder.placeholders_of(text))
    if text.count(FIELD) != 1 or sum(text.count(name) for name in names) != 1:
        raise InputError(f"a template has one {FIELD} and one mask, such as '{FIELD} It was {token}.'; got {text!r}")
    name = next(name for name in names if name in text)
    field, mask = text.index(FIELD), text.index(name)
    return Template(text, Span(field, field + len(FIELD)), Span(mask, mask + len(name)))


def fill_within(model: Model, template: Template, text: str, pieces: int, *, cut: bool) -> tuple[str, Span]:
    """Fill a template so that the model takes it; only the caller's text is cut, at its end.

    Args:
        model: The model.
        template: The template.
        text: The caller's text.
        pieces: The largest number of pieces that will stand at the mask.
        cut: Whether to cut a text that is too long.

    Raises:
        TooLongError: The text is too long and may not be cut, or the template alone is too long.
    """
    for _ in range(_TRIALS):
        filled, mask = template.fill(text)
        size = model.encoder.encode(_masked(model, filled, mask)).size + pieces - 1
        if size <= model.max_length:
            return filled, mask
        if not cut:
            raise TooLongError(
                f"the text has {size} tokens in its template and the model takes at most {model.max_length}; shorten "
                f"it, or take truncation 'right' (the beginning of the text, and the whole template)"
            )
        text = _cut(model, text, size - model.max_length)
    raise TooLongError(f"the template alone has more tokens than the model takes, {model.max_length}; shorten it")


def _masked(model: Model, text: str, mask: Span) -> str:
    return text[: mask.start] + model.tokenizer.mask_token + text[mask.end :]


def _cut(model: Model, text: str, tokens: int) -> str:
    """Leave out at least some tokens at the end of a text."""
    spans = tokenize(model, text).spans
    return text[: spans[-tokens].start].rstrip() if tokens < len(spans) else ""
