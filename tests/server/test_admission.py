"""Permits: counted, weighed, released."""

import contextlib

import pytest

from fillmask.server.admission import Admission, weigh
from fillmask.server.http_errors import HttpError
from fillmask.server.settings import Settings


@pytest.fixture
def admission():
    return Admission(Settings(max_requests=2, max_queue_tokens=100))


def test_a_permit_is_released_however_its_block_ends(admission):
    with admission.permit([10, 20]):
        assert (admission.requests, admission.tokens) == (1, 30)
    with pytest.raises(ZeroDivisionError), admission.permit([50]):
        raise ZeroDivisionError
    assert (admission.requests, admission.tokens) == (0, 0)


def test_there_are_so_many_requests_and_no_more(admission):
    with admission.permit([1]), admission.permit([1]):
        assert admission.full()
        with pytest.raises(HttpError) as caught, admission.permit([1]):
            pass
        assert caught.value.status == 429
        assert caught.value.headers["retry-after"] == "1"
    assert not admission.full()


def test_there_are_so_many_tokens_and_no_more(admission):
    with admission.permit([60]):
        with admission.permit([40]):
            assert admission.full()
        with pytest.raises(HttpError) as caught, admission.permit([41]):
            pass
        assert caught.value.status == 429


@pytest.mark.parametrize(
    ("held", "size", "full"),
    [(0, 10_000, False), (87, 10_000, False), (89, 10_000, True), (89, 40, False), (95, 40, True), (99, 0, False)],
)
def test_a_body_is_too_large_only_while_the_queue_is_nearly_full(held, size, full):
    admission = Admission(Settings(max_queue_tokens=100))
    with admission.permit([held]):
        assert admission.full(size) is full


def test_small_requests_may_exceed_the_tokens_by_an_eighth():
    admission = Admission(Settings(max_queue_tokens=6400))
    with contextlib.ExitStack() as permits:
        permits.enter_context(admission.permit([6400]))
        for _ in range(8):
            assert not admission.full(400)
            assert admission.full(404)
            with pytest.raises(HttpError, match="overloaded"), admission.permit([101]):
                pass
            permits.enter_context(admission.permit([100]))
        assert admission.full()


def test_a_request_larger_than_the_queue_is_too_large_rather_than_an_overload(admission):
    with pytest.raises(HttpError) as caught, admission.permit([60, 41]):
        pass
    assert caught.value.status == 413


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 2), ("a" * 40, 12), ("x" * 100_000, 512), ("文" * 40, 32), ("\ud800", 2)]
)
def test_a_text_weighs_what_its_length_suggests_and_at_most_what_the_model_takes(text, tokens):
    assert weigh(text, 512) == tokens


def test_the_weight_is_near_the_tokens_of_english(alone):
    text = "The library is next to the town hall, and on Friday evenings it stays open until nine o'clock. " * 5
    tokens = len(alone.model.tokenizer.tokenizer.encode(text).ids)
    assert 0.7 < weigh(text, 512) / tokens < 1.5
