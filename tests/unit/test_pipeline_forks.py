import pytest

FORK = """
import os, sys, time
from fillmask import FillMask, ForkError

fill_mask = FillMask(sys.argv[1], variant="fp32", threads=2)
fill_mask.predict("[MASK]")
calls = {"predict": lambda: fill_mask.predict("[MASK]"),
         "call": lambda: fill_mask("[MASK]"),
         "targets": lambda: fill_mask.predict("[MASK]", targets=["cating"]),
         "many": lambda: list(fill_mask.predict_many(["[MASK]"])),
         "call list": lambda: fill_mask(["[MASK]", "[MASK]"]),
         "many batches": lambda: list(fill_mask.predict_many(["[MASK]"] * 9, batch_size=4)),
         "begun": lambda: list(begun)}
begun = fill_mask.predict_many(["[MASK]"] * 200, batch_size=4, workers=2)
next(begun)
child = os.fork()
if not child:
    try:
        calls[sys.argv[2]]()
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


@pytest.mark.parametrize("call", ["predict", "call", "call list", "many", "many batches", "begun", "targets"])
def test_a_forked_child_gets_an_error_within_a_second_and_the_parent_goes_on(python, native_folder, call):
    printed = python(FORK, native_folder, call, PYTHONWARNINGS="ignore")
    assert printed == "True True\n"
