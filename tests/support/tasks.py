"""Texts, readings and tasks for the tests of what runs them."""

from dataclasses import dataclass

from fillmask.concurrency import Concurrency
from fillmask.notices import Notice
from fillmask.tasks import Read, Result
from fillmask.tasks.predict import predict, resolve

TEXTS = [f"{'the cat ' * (index % 4)}[MASK]{' [MASK]' * (index % 3)} on" for index in range(150)]
WORDS = ["cat", "dog", "mat", "red", "blue", "paris", "london", "city", "capital", "france"]
MANY = [Concurrency(1, 2), Concurrency(4, 1), Concurrency(16, 2), Concurrency(1024, 3)]


@dataclass(frozen=True)
class Best:
    """Reads the best token of each row."""

    def __call__(self, logits):
        return logits.argmax(axis=-1).tolist()


@dataclass(frozen=True)
class Refusing:
    """Reads the best tokens, and raises where one of them is a certain one."""

    token: int
    error: type[Exception]

    def __call__(self, logits):
        best = logits.argmax(axis=-1).tolist()
        if self.token in best:
            raise self.error(f"token {self.token} is refused")
        return best


def continued(model, text, rounds):
    """A task of several rounds: each fills the first mask with its best token and reads what is left of the text."""
    (row,) = model.encode(text).rows
    ids, found = row.input_ids, []
    for _ in range(rounds):
        ((token,),) = yield [Read(ids, row.positions[:1], Best())]
        found.append(token)
        ids = ids.copy()
        ids[row.positions[0] + 1] = token
    return Result(found, (Notice(UserWarning, text),))


def tokens(masks):
    return [[(prediction.token, prediction.sequence) for prediction in mask] for mask in masks]


def predictions(model, texts, **arguments):
    """The tasks ``predict`` of some texts."""
    parameters = resolve(model, **arguments).value
    return (predict(model, text, parameters) for text in texts)
