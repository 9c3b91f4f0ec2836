"""Model: a model folder's variant, tokenizer and session, loaded completely or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fillmask.artifact.folder import Artifact
from fillmask.artifact.tokenizer import ModelTokenizer
from fillmask.batching import ANY_LENGTH, RowLike
from fillmask.decoding import Decoder
from fillmask.encoding import Encoder
from fillmask.errors import FillMaskError, NoMaskError, TextError
from fillmask.locating import locate
from fillmask.notices import Notice
from fillmask.padding import pad
from fillmask.runtime.session import Session
from fillmask.windows import Truncation

if TYPE_CHECKING:
    from fillmask.invariance import Invariance
    from fillmask.pieces import Pieces


class Row(NamedTuple):
    """A text with masks, or a window of one, ready to run.

    Attributes:
        input_ids: ``int64[s]``.
        positions: Where its masks are, ``int64[m]``, ascending.
        single_mask: Whether the text has no other mask.
    """

    input_ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    single_mask: bool


class Encoding(NamedTuple):
    """The rows of a text, and what its user should know about them."""

    rows: list[Row]
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A loaded model; threads may share it.

    Attributes:
        artifact: The model's folder.
        variant: The variant in use.
        tokenizer: The tokenizer and its settings.
        session: The graph in ONNX Runtime.
        encoder: Text to token ids.
        decoder: Token ids to text.
        notices: What happened while it was loaded, such as a GPU that did not start.
    """

    artifact: Artifact
    variant: str
    tokenizer: ModelTokenizer
    session: Session
    encoder: Encoder
    decoder: Decoder
    notices: tuple[Notice, ...] = ()
    _invariance: list[Invariance] = field(default_factory=list, init=False, repr=False)  # empty until it is known
    _pieces: list[Pieces] = field(default_factory=list, init=False, repr=False)  # empty until it is needed

    def encode(self, text: str, truncation: Truncation | None = None) -> Encoding:
        """Turn a text with masks into rows.

        Args:
            text: The text.
            truncation: What to do with a text that is too long: see ``Windows.cut``.

        Returns:
            One row, or several if the masks do not fit in one. Row by row, their masks are the text's masks from left
            to right.

        Raises:
            InputError: The text has no mask, is too long, is no text, or holds a token that the model lacks.
            ForkError: This process is a fork of the one that loaded the model.
        """
        self.session.check_process()
        return self.rows(self.encoder.encode(text), truncation)

    def rows(self, ids: NDArray[np.int64], truncation: Truncation | None = None) -> Encoding:
        """Turn the tokens of a text, ``int64[s]`` with the template's special tokens, into rows, as ``encode`` does."""
        windows: list[NDArray[np.int64]] = [ids]
        notices: tuple[Notice, ...] = ()
        if ids.size > self.max_length:
            windows, notices = self.encoder.windows.cut(ids, truncation)
        rows = []
        for window in windows:
            positions = locate(window, self.tokenizer.mask_token_id)
            if positions.size:
                self.check_known(window)
                rows.append(Row(window, positions, len(windows) == positions.size == 1))
        if not rows:
            raise NoMaskError(self.encoder.windows.no_mask())
        return Encoding(rows, notices)

    def logits(self, rows: Sequence[RowLike]) -> NDArray[np.float32]:
        """Run rows that are read at equally many positions together.

        Returns:
            Logits at the positions, ``float32[b, m, V]``.

        Raises:
            TextError: The run of one row fails, and the row has a token that the model does not score.
            FillMaskError: The run fails.
            ForkError: This process is a fork of the one that loaded the model.
        """
        try:
            return self._run(rows)
        except FillMaskError as error:
            if len(rows) == 1 and rows[0].input_ids.max() >= self.vocab_size:
                raise self._lacks(rows[0].input_ids, self.vocab_size) from error
            raise

    def _run(self, rows: Sequence[RowLike]) -> NDArray[np.float32]:
        input_ids, attention_mask = pad([row.input_ids for row in rows], self.tokenizer.pad_token_id or 0)
        positions = rows[0].positions[None] if len(rows) == 1 else np.stack([row.positions for row in rows])
        if self.encoder.token_types is None:
            return self.session.run(input_ids, attention_mask, positions)
        token_type_ids = self.encoder.token_types.rows([row.input_ids.size for row in rows])
        return self.session.run(input_ids, attention_mask, positions, token_type_ids)

    def check_known(self, ids: NDArray[np.int64]) -> None:
        """Raise a ``TextError`` for a token outside the model's table: it fails a shared run, and a GPU reads zeros."""
        if self.tokenizer.table_size is None:
            return
        size = max(self.tokenizer.table_size, self.vocab_size)
        if max(ids.tolist()) >= size:  # of few tokens a tenth of the time of ids.max()
            raise self._lacks(ids, size)

    def _lacks(self, ids: NDArray[np.int64], size: int) -> TextError:
        token = self.tokenizer.tokenizer.id_to_token(largest := int(ids.max()))
        return TextError(f"the text has the token {token!r} with id {largest}, the model has {size} tokens")

    @property
    def max_length(self) -> int:
        """Tokens that the model takes, special tokens included."""
        return self.tokenizer.max_length

    @property
    def resident_bytes(self) -> int | None:
        """Memory of a process with this variant, as the manifest records it; None if it was not measured."""
        measured: int | None = self._entry.get("resident_bytes")
        return measured

    @property
    def vocab_size(self) -> int:
        """Tokens that the model scores."""
        return self.session.vocab_size

    @property
    def batch_invariant(self) -> bool:
        """Whether rows of fewer than ``padded_below`` tokens may run together, padded, and keep their scores."""
        return self.invariance.padded

    @property
    def padded_below(self) -> int:
        """Rows of fewer tokens may be padded without changing their scores; 0 if none may.

        A graph may compute longer rows in another way where nothing is padded.
        """
        if not self.batch_invariant:
            return 0
        limit = self._entry.get("padded_below", ANY_LENGTH)
        return limit if isinstance(limit, int) else 0

    @property
    def equal_length_invariant(self) -> bool:
        """Whether rows of equal length may run together without changing each other's scores."""
        return self.invariance.equal_length

    @property
    def bitwise_invariant(self) -> bool:
        """Whether rows of equal length may run together without changing a bit of each other's logits."""
        return self.invariance.bits

    @property
    def invariance(self) -> Invariance:
        """Which rows may run together: as the manifest records it, else as the trial of the first call found it."""
        if not self._invariance:
            from fillmask.invariance import measure, recorded  # one text alone needs neither

            self._invariance.append(recorded(self._entry) or measure(self.session, self.tokenizer))
        return self._invariance[0]

    @property
    def _entry(self) -> Mapping[str, Any]:
        """What the manifest says of the variant; empty in a folder without one."""
        entry: Mapping[str, Any] = self.artifact.manifest.get("variants", {}).get(self.variant, {})
        return entry

    @property
    def pieces(self) -> Pieces:
        """The tokens as pieces of words."""
        if not self._pieces:
            from fillmask.pieces import Pieces  # predict needs them for an option only

            self._pieces.append(Pieces(self.tokenizer.tokenizer, self.vocab_size))
        return self._pieces[0]
