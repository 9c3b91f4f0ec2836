from concurrent.futures import ThreadPoolExecutor

from tests.support import toys


def test_threads_that_share_an_engine_get_the_predictions_they_would_get_alone(fill_mask):
    texts = [f"the [MASK] {word} [MASK]" for word in toys.WORDS[:10]]
    alone = [fill_mask.predict(text) for text in texts]

    def call_often(offset):
        return [fill_mask.predict(texts[(offset + count) % 10]) == alone[(offset + count) % 10] for count in range(50)]

    with ThreadPoolExecutor(8) as pool:
        assert all(all(same) for same in pool.map(call_often, range(8)))
