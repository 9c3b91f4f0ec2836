import os

import pytest

from fillmask.runtime import forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # other tests leave threads, which the child does not use
def test_a_child_is_one_fork_further_and_its_parent_is_not():
    before = forks.count
    child = os.fork()
    if not child:
        os._exit(forks.count - before)
    _, status = os.waitpid(child, 0)
    assert (os.waitstatus_to_exitcode(status), forks.count) == (1, before)
