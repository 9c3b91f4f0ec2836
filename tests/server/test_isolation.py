"""No client hurts another: a text that cannot run fails alone, and texts of foreign graphs keep their scores."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from fillmask import FillMask
from tests.support import serving, toys

GOOD = ["the cat [MASK]", "a dog [MASK]", "a red [MASK] sat on the mat"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A model that lacks a token of its tokenizer, and one whose rows change each other's scores."""
    tokenizer, folder = toys.word_piece(), tmp_path_factory.mktemp("served")
    tokenizer.add_tokens(["<new>"])
    mixing = {"model.onnx": toys.mixing_graph(toys.tables())}
    return {
        "lacks": toys.write_foreign(folder / "lacks", tokenizer=tokenizer, config={"vocab_size": None}),
        "mixes": toys.write_foreign(folder / "mixes", mixing),
    }


@pytest.fixture(scope="module")
def server(folders):
    with serving.serve(*(f"{name}={folder}" for name, folder in folders.items())) as served:
        yield served


@pytest.mark.parametrize("name", ["lacks", "mixes"])
def test_many_clients_at_once_get_what_each_gets_alone(server, folders, name):
    fill_mask = FillMask(folders[name], threads=1)
    alone = {text: fill_mask(text) for text in GOOD}
    with ThreadPoolExecutor(32) as pool:
        replies = list(pool.map(lambda text: (text, server.ask(text, f"/models/{name}")), GOOD * 30))
    assert [reply.status for _, reply in replies] == [200] * len(replies)
    for text, reply in replies:
        assert reply.json == alone[text]


def test_a_text_with_a_token_that_the_model_lacks_is_named_and_fails_no_other(server):
    texts = [*GOOD, "<new> [MASK]"] * 20
    with ThreadPoolExecutor(32) as pool:
        replies = list(pool.map(lambda text: (text, server.ask(text, "/models/lacks")), texts))
    assert {(text, reply.status) for text, reply in replies} == {*((text, 200) for text in GOOD), (texts[3], 422)}
    assert all("inputs: the text has the token '<new>'" in reply.error for text, reply in replies if text == texts[3])
