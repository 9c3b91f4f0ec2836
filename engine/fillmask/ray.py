"""Ray Data: a verb for ``ray.data.Dataset.map_batches``, in pipelines of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fillmask.arrow import mapper
from fillmask.files.ray_cluster import import_ray
from fillmask.runtime.providers import Provider


class Mapper:
    """A verb over the batches of a dataset, in an actor.

    Its arguments are those of ``fillmask.arrow.mapper`` without ``workers``, of which an actor has one. ``model`` is
    not a loaded one. ``threads`` are by default the CPUs of the actor, since ONNX Runtime would otherwise take every
    core of the machine.

    Example:
        >>> dataset.map_batches(  # doctest: +SKIP
        ...     fillmask.ray.Mapper, fn_constructor_kwargs={"verb": "predict", "top_k": 3}, batch_format="pyarrow",
        ...     compute=ray.data.ActorPoolStrategy(size=2), num_cpus=1)
    """

    def __init__(
        self,
        verb: str,
        *,
        model: str | Path | None = None,
        variant: str = "auto",
        providers: Sequence[Provider] | None = None,
        threads: int | None = None,
        text_column: str = "text",
        batch_size: int | None = None,
        **parameters: Any,  # noqa: ANN401 -- each verb has its own, which it checks
    ) -> None:
        self._map = mapper(
            verb,
            model=model,
            variant=variant,
            providers=providers,
            threads=threads or assigned_cpus(),
            text_column=text_column,
            batch_size=batch_size,
            workers=1,
            **parameters,
        )

    def __call__(self, batch: Any) -> Any:  # noqa: ANN401 -- pyarrow has no types
        """Give a ``pyarrow.Table`` with the columns of the result; a row without one has ``error``.

        Raises:
            InputError: As in ``fillmask.arrow.Mapper``.
        """
        return self._map(batch)


def assigned_cpus() -> int:
    """CPUs that Ray assigned to this actor or task, at least 1; outside of Ray 1."""
    ray = import_ray()
    context = ray.get_runtime_context() if ray.is_initialized() else None
    if context is None or context.worker.mode != ray.WORKER_MODE:  # a driver has none
        return 1
    return max(1, int(context.get_assigned_resources().get("CPU", 1)))
