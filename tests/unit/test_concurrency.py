import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fillmask.encoding import pad
from fillmask.runtime.session import Session
from tests.support import toys

IDS = np.array([2, 5, 4, 9, 4, 3])
MASKS = np.array([[2, 4]])


def test_threads_that_share_an_engine_get_the_answers_they_would_get_alone(fill_mask):
    texts = [f"the [MASK] {word} [MASK]" for word in toys.WORDS[:10]]
    alone = [fill_mask.predict(text) for text in texts]

    def ask(offset):
        return [fill_mask.predict(texts[(offset + call) % 10]) == alone[(offset + call) % 10] for call in range(50)]

    with ThreadPoolExecutor(8) as pool:
        assert all(all(same) for same in pool.map(ask, range(8)))


SLOW = """toy (int64[b,s] input_ids) => (float[b,s,v] logits) {{
    a = Cast<to=1>(input_ids)
    sum = ReduceMax<keepdims=0>(a)
    x0 = Mul(square, sum)
    {products}
    least = ReduceMin<keepdims=0>(x{count})
    c = Unsqueeze(a, axis)
    logits = Add(c, least)
}}"""


def test_other_python_threads_go_on_during_a_run():
    count = 12
    products = "\n".join(f"x{step + 1} = MatMul(x{step}, square)" for step in range(count))
    square = np.zeros((1200, 1200), dtype=np.float32)
    text = SLOW.format(products=products, count=count)
    session = Session(toys.parse(text, square=square, axis=np.array([2])), threads=1)
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.001):
            ticks.append(time.perf_counter())

    ticker = threading.Thread(target=tick)
    ticker.start()
    start = time.perf_counter()
    session.run(pad([IDS], 0), MASKS)
    end = time.perf_counter()
    done.set()
    ticker.join()
    # With the lock held, nothing could have ticked between the first and the last tenth of the run.
    margin = (end - start) / 10
    assert any(start + margin < moment < end - margin for moment in ticks)


FORK = """
import os, sys, time
from fillmask import FillMask, ForkError

fill_mask = FillMask(sys.argv[1], variant="fp32", threads=2)
fill_mask.predict("[MASK]")
question = {"predict": lambda: fill_mask.predict("[MASK]"),
            "call": lambda: fill_mask("[MASK]"),
            "targets": lambda: fill_mask.predict("[MASK]", targets=["cating"]),
            "many": lambda: list(fill_mask.predict_many(["[MASK]"])),
            "begun": lambda: list(begun)}[sys.argv[2]]
begun = fill_mask.predict_many(["[MASK]"] * 200, batch_size=4, workers=2)
next(begun)
child = os.fork()
if not child:
    try:
        question()
    except ForkError as error:
        text = str(error)
        os._exit(0 if str(os.getppid()) in text and str(os.getpid()) in text and "spawn" in text else 3)
    finally:
        os._exit(4)
deadline = time.monotonic() + 1
while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
    time.sleep(0.01)
if ended == (0, 0):
    os.kill(child, 9)
print(ended == (child, 0), fill_mask.predict("[MASK]") != [])
"""


@pytest.mark.parametrize("question", ["predict", "call", "many", "begun", "targets"])
def test_a_forked_child_gets_an_error_within_a_second_and_the_parent_goes_on(python, native_folder, question):
    answered = python(FORK, native_folder, question, PYTHONWARNINGS="ignore")
    assert answered == "True True\n"
