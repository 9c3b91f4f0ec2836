"""Refuses the matrix of ``marginals`` with a column for each word of a language, before the model runs."""

from __future__ import annotations

from fillmask.errors import InputError
from fillmask.model import Model
from fillmask.tasks.marginals import alphabet_ids

# Vocabularies of letters and of SMILES are smaller; a table with a column for each word of a language is a mistake.
MOST_COLUMNS = 1024


def check_columns(model: Model, instead: str) -> None:
    """Refuse the default alphabet of a model of words.

    Args:
        model: The model.
        instead: How the caller names an alphabet and a model.

    Raises:
        InputError: The default alphabet has too many tokens.
    """
    if alphabet_ids(model, None).size > MOST_COLUMNS:
        raise InputError(
            f"{model.artifact.folder.name} has {model.vocab_size:,} tokens, and each would be a column; {instead}"
        )
