import re

import pytest

from fillmask import FillMask, InputError
from fillmask.matrix_columns import check_columns
from tests.support.proteins import load_protein


def test_a_vocabulary_of_words_is_refused_with_its_size_and_what_to_do():
    with pytest.raises(InputError, match=re.escape("minilm-en has 30,522 tokens, and each would be a column; take")):
        check_columns(FillMask(threads=1).model, "take another")


def test_the_letters_of_a_model_of_proteins_are_columns(tmp_path, native, monkeypatch):
    check_columns(native.model, "")
    monkeypatch.setattr("fillmask.matrix_columns.MOST_COLUMNS", 20)
    check_columns(load_protein(tmp_path / "protein").model, "")  # it has more tokens, which are no columns
    with pytest.raises(InputError, match="tokens, and each would be a column; none"):
        check_columns(native.model, "none")
