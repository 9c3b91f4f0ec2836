"""A signal that arrives inside a destructor or a weakref's callback ends the command, as it does elsewhere."""

import signal
import subprocess
import sys
import weakref

import pytest

from fillmask.cli.signals import SignalExit, raised_again

# A command that gets a signal in the callback of a weakref; for 20 s nobody calls anything.
COMMAND = """
import os, signal, sys, time, weakref
from click import Group, command
from fillmask.cli import main
{imports}

class Thing: pass

@command()
def command():
    with {block}:
        thing = Thing()
        reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.{name}))
        del thing
        time.sleep(20)
        print("went on")

main.main.add_command(command, "drop")
main._Commands.get_command = lambda self, context, name: Group.get_command(self, context, name)
main.main(["drop"])
"""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no timer that interrupts")


def _run(name, imports="from contextlib import nullcontext", block="nullcontext()"):
    program = COMMAND.format(imports=imports, block=block, name=name)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_ctrl_c_that_python_drops_ends_any_command():
    assert _run("SIGINT") == (130, "", "fillmask: stopped\n")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_python_drops_ends_an_export(name):
    code = 128 + getattr(signal, name)
    assert _run(name, "from fillmask_export.cli import ending_signals", "ending_signals()") == (code, "", "")


def test_a_signal_that_python_drops_ends_a_job():
    imports = "from fillmask.cli.batch import _Stop; from contextlib import nullcontext"
    block = "nullcontext(signal.signal(signal.SIGTERM, _Stop()))"
    assert _run("SIGTERM", imports, block) == (143, "", "fillmask: stopped by SIGTERM; complete parts are kept\n")


def test_what_is_no_signal_is_reported_as_before(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: seen.append(dropped.exc_type))
    hook = sys.unraisablehook

    class Thing:
        pass

    with raised_again():
        thing = Thing()
        reference = weakref.ref(thing, lambda _: 1 / 0)
        del thing
    assert (seen, sys.unraisablehook, reference()) == ([ZeroDivisionError], hook, None)


def test_the_handler_of_the_timer_is_put_back():
    before = signal.getsignal(signal.SIGALRM)

    class Thing:
        def __del__(self):
            raise SignalExit(signal.SIGTERM)

    def drop_and_wait():
        Thing()
        signal.pause()

    with pytest.raises(SignalExit) as ended, raised_again():
        drop_and_wait()
    assert (ended.value.code, signal.getsignal(signal.SIGALRM)) == (143, before)
