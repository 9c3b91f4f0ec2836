"""Runs items through actors of a Ray cluster, by Ray Data."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from fillmask.errors import InputError, JobError, one_line
from fillmask.extras import lacks
from fillmask.signal_handlers import handling

# Beside a process with the model alone: Ray, pyarrow and the rows. With the embedded model it was 63 MiB.
_ACTOR_BYTES = 128 << 20
_INIT_DEATHS = 2  # actors in a row that may die while they start, such as on a machine that goes away


def map_items(
    items: Sequence[Mapping[str, Any]],
    actor: type,
    arguments: Mapping[str, Any],
    *,
    address: str,
    actors: int | None,
    cpus: int,
    memory: int | None,
) -> Generator[Mapping[str, Any], None, None]:
    """Run each item by an actor, and give its result as soon as there is one, in any order.

    Args:
        items: At least one.
        actor: A class whose instances take a batch of one item, by column, and return its result.
        arguments: Of its constructor.
        address: Of the cluster; empty for the one that Ray finds, or starts here.
        actors: How many; None for as many as the cluster has CPUs for.
        cpus: Of one actor.
        memory: Bytes of a process with the model, None if it is not known.

    Raises:
        InputError: Ray is not installed, or there is no such cluster.
        JobError: Ray cannot go on.
    """
    ray = import_ray()
    with _connected(ray, address):
        most = actors or int(ray.cluster_resources().get("CPU", 1)) // cpus
        mapped = ray.data.from_items([*items], override_num_blocks=len(items)).map_batches(
            actor,
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=min(max(most, 1), len(items)), max_tasks_in_flight_per_actor=1),
            fn_constructor_kwargs=dict(arguments),
            num_cpus=cpus,
            memory=None if memory is None else memory + _ACTOR_BYTES,
        )
        try:
            yield from mapped.iter_rows()
        except (ray.exceptions.RayError, RuntimeError) as error:
            raise JobError(f"Ray ended the job: {one_line(error)}; complete parts are kept") from error


def import_ray() -> Any:  # noqa: ANN401 -- the module
    """Import Ray with Ray Data.

    Raises:
        InputError: It is not installed; the error names the extra.
    """
    try:
        import_module("ray.data")
        return import_module("ray")
    except ImportError as error:
        raise InputError(lacks("a job on Ray", "Ray Data", "ray")) from error


@contextmanager
def _connected(ray: Any, address: str) -> Iterator[None]:  # noqa: ANN401 -- the module
    """Connect to a cluster, unless this process is connected already, and disconnect at the end."""
    if ray.is_initialized():
        with _quiet(ray):
            yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster that starts here does not report to Ray's makers
    try:
        with handling("SIGINT", "SIGTERM"):  # Ray replaces their handlers
            ray.init(address or None, logging_level="error", log_to_driver=False)
    except (ray.exceptions.RayError, RuntimeError, ValueError, OSError) as error:
        raise InputError(f"there is no Ray cluster at {address!r}: {one_line(error)}") from error
    try:
        with _quiet(ray):
            yield
    finally:
        ray.shutdown()


@contextmanager
def _quiet(ray: Any) -> Iterator[None]:  # noqa: ANN401 -- the module
    """Let Ray Data write errors alone, and put its settings back."""
    logger, context = logging.getLogger("ray.data"), ray.data.DataContext.get_current()
    level = logger.level
    logger.setLevel(logging.ERROR)
    wanted = {
        "enable_progress_bars": False,
        "print_on_execution_start": False,
        "max_consecutive_actor_init_deaths": _INIT_DEATHS,
    }
    before = {name: getattr(context, name) for name in wanted}
    for name, value in wanted.items():
        setattr(context, name, value)
    try:
        yield
    finally:
        logger.setLevel(level)
        for name, value in before.items():
            setattr(context, name, value)
