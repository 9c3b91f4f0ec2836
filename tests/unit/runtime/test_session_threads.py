import threading
import time

import numpy as np

from fillmask.padding import pad
from fillmask.runtime.session import Session
from tests.support import toys

IDS = np.array([2, 5, 4, 9, 4, 3])
MASKS = np.array([[2, 4]])

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
    session.run(*pad([IDS], 0), MASKS)
    end = time.perf_counter()
    done.set()
    ticker.join()
    # With the lock held, nothing could have ticked between the first and the last tenth of the run.
    margin = (end - start) / 10
    assert any(start + margin < moment < end - margin for moment in ticks)
