"""The bar of a training shows its counts and a mean of the losses that there are."""

import pytest

from fillmask_export.training import display
from fillmask_export.training.progress import Progress


@pytest.fixture
def notes(monkeypatch):
    """What the bar is given to show."""
    shown = []

    class Bar:
        n = 0.0

        def set_postfix_str(self, note, refresh):
            shown.append(note)

        def update(self, share):
            pass

        def close(self):
            pass

    monkeypatch.setattr(display, "bar", lambda *_: Bar())
    return shown


def show(*losses):
    with display.Display("fp32") as shown:
        for loss in losses:
            shown.show(Progress(steps=3, tokens=2_000_000, seconds=2.0), 0.5, loss)


def test_steps_tokens_speed_and_the_mean_loss_are_shown(notes):
    show(2.0, 3.0)
    assert notes[0] == "3 steps, 2.00 M tokens, 1000000 tokens/s, loss 2.000"
    assert notes[1].endswith("loss 2.010")


def test_a_step_without_a_loss_is_left_out_of_the_mean(notes):
    show(None, 2.0, None, 3.0)
    assert [note.partition(", loss ")[2] for note in notes] == ["", "2.000", "2.000", "2.010"]
