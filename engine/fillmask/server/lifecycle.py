"""The server as a process: built completely before the port opens, and drained at the end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from functools import partial
from time import monotonic
from types import FrameType

import uvicorn

from fillmask.runtime.cpu import available_threads
from fillmask.server.admission import Admission
from fillmask.server.app import make_app
from fillmask.server.auth import Keys, open_keys
from fillmask.server.browsers import Browsers
from fillmask.server.budget import Budget
from fillmask.server.connections import Connections
from fillmask.server.guard import RequestGuard
from fillmask.server.handler import Handler
from fillmask.server.metrics import Metrics
from fillmask.server.middleware import Middleware
from fillmask.server.protocol import Protocol
from fillmask.server.registry import Registry, load
from fillmask.server.routes import make_routes
from fillmask.server.scheduler import Scheduler
from fillmask.server.settings import Settings
from fillmask.server.tracing import Tracing, open_tracing

# A longer run has hung: a text of 512 tokens takes a second with the largest models. Longer texts take more.
HUNG_S = 30.0
_USUAL_TOKENS = 512
_BACKLOG = 4096
_SWITCH_S = 0.0005
# Open files besides those of the connections.
_FILES = 64
# Extra time after the drain timeout: for cancelled requests to respond, and for runs to end.
_CANCEL_TIMEOUT_S = 0.5
_RUN_TIMEOUT_S = 1.0
_log = logging.getLogger(__name__)


def serve(models: Sequence[str], settings: Settings) -> int:
    """Serve models until a signal stops the process.

    Args:
        models: See ``registry.load``.
        settings: The settings.

    Returns:
        The exit code: 0, or 1 if requests in flight were cancelled.

    Raises:
        FillMaskError: A model cannot be loaded, or the settings are unsafe.
    """
    # A thread that holds the GIL gives it up after this time. Each wait for it can last so long, and a request has some
    # ten: beside all attacks of tests/reliability the p99 was 582 ms with Python's 5 ms, 150 ms with 1 ms.
    sys.setswitchinterval(_SWITCH_S)
    # The pool of the tokenizers library would tokenize large requests at the priority of short ones.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    keys = open_keys(settings)
    _allow_files(settings.max_connections)
    registry = load(models, settings.variant, settings.provider)
    tracing = open_tracing(settings.otlp_endpoint)
    loop = _new_loop()
    asyncio.set_event_loop(loop)
    scheduler = Scheduler(settings.threads or available_threads(), loop, max_batch=settings.max_batch)
    code = 1
    try:
        server = build(settings, keys, registry, scheduler, tracing)
        # Objects that last as long as the process leave the garbage collector: its scans would delay requests.
        gc.collect()
        gc.freeze()
        loop.run_until_complete(server.serve())
        code = 1 if server.gave_up else 0
    finally:
        ended = scheduler.stop(_RUN_TIMEOUT_S)
        tracing.close()
        if not ended:
            # The interpreter aborts at its end while a thread is in a run of ONNX Runtime. That run alone does not make
            # the code 1: its client may have left, or its deadline passed.
            logging.shutdown()
            os._exit(code)
        loop.close()
    return code


def build(settings: Settings, keys: Keys, registry: Registry, scheduler: Scheduler, tracing: Tracing) -> Server:
    """Compose the server.

    Args:
        settings: The settings.
        keys: The API keys.
        registry: The models.
        scheduler: Runs the texts.
        tracing: Records the requests.
    """
    admission = Admission(settings)
    metrics = Metrics(registry, admission, scheduler)
    guard = RequestGuard(keys, admission, metrics)
    handler = Handler(settings, registry, admission, scheduler, metrics)
    app = make_app(make_routes(handler, partial(find_problem, registry, scheduler, guard, settings)))
    browsers, bodies = Browsers(settings, keyed=bool(keys)), Budget(settings.max_held_bytes)
    middleware = Middleware(app, guard, metrics, browsers, bodies, span=tracing.record)
    protocol = partial(Protocol, shared=Connections(settings, guard, browsers))
    return Server(_config(settings, middleware, protocol), settings, guard, scheduler.threads)


class Server(uvicorn.Server):
    """Starts and stops: uvicorn's server with a drain period.

    Args:
        config: uvicorn's configuration.
        settings: The settings.
        guard: Marked as draining at the first signal.
        threads: Concurrent runs, for the log.

    Attributes:
        gave_up: Whether requests in flight were cancelled.
    """

    def __init__(self, config: uvicorn.Config, settings: Settings, guard: RequestGuard, threads: int) -> None:
        super().__init__(config)
        self._settings = settings
        self._guard = guard
        self._threads = threads
        self._close_at: float | None = None
        self.gave_up = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port, and log its URL."""
        try:
            await super().startup(sockets)
        except SystemExit:  # uvicorn has logged why the port cannot be opened
            sys.exit(2)
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # nohup ignores it
            signal.signal(signal.SIGHUP, self.handle_exit)
        port = self.servers[0].sockets[0].getsockname()[1]
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        fields = {"url": f"http://{host}:{port}", "threads": self._threads, "pid": os.getpid()}
        _log.info("serving", extra={"fields": fields})

    async def on_tick(self, counter: int) -> bool:
        """Close the port when the drain grace has passed."""
        if self._close_at is not None and monotonic() >= self._close_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the port, wait for requests in flight until the drain timeout, and cancel the rest."""
        self._guard.closed = True
        await super().shutdown(sockets)
        left = list(self.server_state.tasks)
        self.gave_up = bool(left)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_CANCEL_TIMEOUT_S)
        _log.info("stopped", extra={"fields": {"gave_up": self.gave_up}})

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start draining at the first signal; stop at once at the second."""
        if self._close_at is not None:
            self.should_exit = self.force_exit = True
            return
        self._guard.draining = True
        # Ctrl-C needs no grace. After SIGTERM load balancers need time to notice that the server is not ready.
        self._close_at = monotonic() + (0 if sig == signal.SIGINT else self._settings.drain_grace)


def find_problem(
    registry: Registry, scheduler: Scheduler, guard: RequestGuard, settings: Settings, ready: bool
) -> str | None:
    """Return what is wrong with the server, None if nothing is.

    Args:
        registry: The models; nobody may have written into the files of their weights.
        scheduler: Its threads must be alive, and its runs must end.
        guard: Knows whether the server is draining.
        settings: Has the default deadline.
        ready: Check readiness (may new work be sent?) rather than liveness (should the process be replaced?).
    """
    if ready and guard.draining:
        return "the server is shutting down"
    if not scheduler.alive:
        return "a thread that runs the model has ended"
    if written := registry.find_written():
        return written
    longest = min(HUNG_S, settings.timeout_ms / 1000) if ready else HUNG_S
    longest *= max(1.0, registry.max_length / _USUAL_TOKENS)
    return f"a run has taken longer than {longest:g} s" if scheduler.longest_run > longest else None


def _config(settings: Settings, app: Middleware, protocol: partial[Protocol]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=protocol,  # type: ignore[arg-type]  # uvicorn only calls it
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        workers=1,  # otherwise uvicorn reads WEB_CONCURRENCY, which other programs' tools set
        backlog=_BACKLOG,
        timeout_keep_alive=settings.keep_alive,  # type: ignore[arg-type]  # uvicorn only adds it to a time
        timeout_graceful_shutdown=settings.drain_timeout,  # type: ignore[arg-type]
    )


def _allow_files(connections: int) -> None:
    """Raise the limit of open files to the connections; its usual value suits programs that use ``select``."""
    try:
        import resource
    except ImportError:  # on Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if allowed < wanted:
        fields = {"connections": connections, "files": allowed}
        _log.warning("the limit of open files is lower than max_connections", extra={"fields": fields})
    if soft not in (resource.RLIM_INFINITY, allowed) and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # on Windows
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
