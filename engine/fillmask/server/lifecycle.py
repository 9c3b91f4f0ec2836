"""The server as a process: made complete before the port opens, and ended without losing a request."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Sequence
from functools import partial
from time import monotonic
from types import FrameType

import uvicorn

from fillmask.runtime.cpu import available_threads
from fillmask.server.admission import Admission
from fillmask.server.app import make_app
from fillmask.server.auth import Keys, open_keys
from fillmask.server.guard import Door
from fillmask.server.handler import Answering
from fillmask.server.metrics import Metrics
from fillmask.server.middleware import Envelope
from fillmask.server.notices import noticed
from fillmask.server.protocol import Protocol
from fillmask.server.registry import Catalogue, load
from fillmask.server.scheduler import Scheduler
from fillmask.server.settings import Settings
from fillmask.server.tracing import open_tracing

# A run that takes longer has hung: a text of 512 tokens takes a second with the largest of models.
HUNG_S = 30.0
_BACKLOG = 4096
# Besides those of the connections.
_FILES = 64
# How long, when they are given up, requests may take to say so, and runs to end.
_LAST_WORDS_S = 0.5
_LAST_RUN_S = 1.0
_log = logging.getLogger(__name__)


def serve(models: Sequence[str], settings: Settings) -> int:
    """Serve models until the process is told to stop.

    Args:
        models: See ``catalogue.load``.
        settings: The settings.

    Returns:
        The exit code: 0, or 1 if requests in flight were given up.

    Raises:
        FillMaskError: A model cannot be loaded, or the settings are not safe.
    """
    keys = open_keys(settings)
    _allow_files(settings.max_connections)
    catalogue = load(models, settings.variant, settings.provider)
    loop = _new_loop()
    asyncio.set_event_loop(loop)
    scheduler = Scheduler(settings.threads or available_threads(), loop, batch=settings.max_batch)
    try:
        server = Server(settings, keys, catalogue, scheduler)
        # What lives as long as the process need not be searched for garbage again and again, while requests wait.
        gc.collect()
        gc.freeze()
        with noticed():
            loop.run_until_complete(server.serve())
        return 1 if server.gave_up else 0
    finally:
        if not scheduler.stop(_LAST_RUN_S):
            # A thread of ONNX Runtime's that is in a run when the interpreter ends makes it abort.
            logging.shutdown()
            os._exit(1)
        loop.close()


class Server(uvicorn.Server):
    """uvicorn, told when to stop taking work and when to close the port.

    Args:
        settings: The settings.
        keys: Who may ask.
        catalogue: The models.
        scheduler: Runs the texts.

    Attributes:
        gave_up: Whether requests in flight were given up.
    """

    def __init__(self, settings: Settings, keys: Keys, catalogue: Catalogue, scheduler: Scheduler) -> None:
        self._settings = settings
        self._scheduler = scheduler
        self._close_at: float | None = None
        self.gave_up = False
        admission = Admission(settings)
        metrics = Metrics(catalogue, admission, scheduler)
        self._door = Door(keys, admission, metrics)
        answering = Answering(settings, catalogue, admission, scheduler, metrics)
        app = make_app(answering, partial(health, scheduler, self._door, settings))
        envelope = Envelope(app, self._door, metrics, open_tracing(settings.otlp_endpoint))
        super().__init__(_config(settings, envelope, self._door))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port, and say so."""
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        facts = {"url": f"http://{host}:{port}", "threads": self._scheduler.threads, "pid": os.getpid()}
        _log.info("serving", extra={"facts": facts})

    async def on_tick(self, counter: int) -> bool:
        """Close the port once the grace after the signal has passed."""
        if self._close_at is not None and monotonic() >= self._close_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the port and wait for what is in flight, as long as that may take."""
        await super().shutdown(sockets)
        left = list(self.server_state.tasks)
        self.gave_up = bool(left)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_LAST_WORDS_S)
        _log.info("stopped", extra={"facts": {"gave_up": self.gave_up}})

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """At the first signal take no new work, so that ready says so; at the second give up."""
        if self._close_at is not None:
            self.should_exit = self.force_exit = True
            return
        self._door.draining = True
        # Who presses Ctrl-C waits for it; whoever sends SIGTERM needs time to send the requests elsewhere.
        self._close_at = monotonic() + (0 if sig == signal.SIGINT else self._settings.drain_grace)


def health(scheduler: Scheduler, door: Door, settings: Settings, ready: bool) -> str | None:
    """Say what is wrong, None if nothing is.

    Args:
        scheduler: Whose threads must live, and whose runs must end.
        door: Knows whether the server is going away.
        settings: Has the usual deadline.
        ready: Whether new work may be sent, rather than whether the process should go on.
    """
    if ready and door.draining:
        return "the server is going away"
    if not scheduler.alive:
        return "a thread that runs the model has ended"
    longest = min(HUNG_S, settings.timeout_ms / 1000) if ready else HUNG_S
    return f"a run takes longer than {longest:g} s" if scheduler.longest_run > longest else None


def _config(settings: Settings, app: Envelope, door: Door) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=partial(Protocol, settings=settings, door=door),  # type: ignore[arg-type]  # it is called, whatever it is
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=settings.keep_alive,  # type: ignore[arg-type]  # a delay of the loop
        timeout_graceful_shutdown=settings.drain_timeout,  # type: ignore[arg-type]
    )


def _allow_files(connections: int) -> None:
    """Let the process open a file for each connection; the usual limit is made for programs that wait in select."""
    try:
        import resource
    except ImportError:  # on Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if allowed < wanted:
        facts = {"connections": connections, "files": allowed}
        _log.warning("fewer files may be open than connections are allowed", extra={"facts": facts})
    if soft not in (resource.RLIM_INFINITY, allowed) and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # on Windows
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
