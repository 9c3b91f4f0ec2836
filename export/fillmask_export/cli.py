"""``fillmask export``."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from fillmask.cli import completion
from fillmask.cli.errors import fail, imported, reported
from fillmask.cli.model import find_checkpoint
from fillmask.cli.option_groups import grouped
from fillmask.cli.signals import SignalExit
from fillmask.errors import FillMaskError
from fillmask.signal_handlers import handling

_TEXTS = click.Path(exists=True, dir_okay=False, path_type=Path)

_GROUPS = {
    "Checkpoint": ("revision", "allow_pickle"),
    "Variants": ("variants", "calibration"),
    "Verification": ("texts", "pairs", "masks", "max_kl", "max_accuracy_loss", "rounds"),
}


@click.command("export", cls=grouped(_GROUPS))
@click.argument("checkpoint", shell_complete=completion.folders)
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--variant",
    "variants",
    multiple=True,
    type=click.Choice(["fp32", "int8", "fp16", "int4"]),
    help="Variant to write; may be repeated. fp16 is for GPUs, int4 for large vocabularies.  [default: fp32, int8]",
)
@click.option("--revision", help="Branch, tag or commit of a hub checkpoint.")
@click.option("--allow-pickle", is_flag=True, help="Read tensors of pytorch_model.bin; only if you trust it.")
@click.option("--calibration", type=_TEXTS, help="Texts for calibration, one a line.")
@click.option("--texts", type=_TEXTS, help="Texts for verification, one a line.")
@click.option("--pairs", type=_TEXTS, help="Minimal pairs, one a line: the better text, a tab, the other.")
@click.option("--masks", default=2000, show_default=True, help="Number of masks for verification.")
@click.option("--max-kl", default=0.01, show_default=True, help="Largest mean KL divergence; not for fp32.")
@click.option("--max-accuracy-loss", default=0.005, show_default=True, help="Largest loss of accuracy; not for fp32.")
@click.option("--rounds", default=15, show_default=True, help="Timed runs of each variant; 0 skips timing.")
def export_command(
    *,
    checkpoint: str,
    out: Path,
    variants: tuple[str, ...],
    revision: str | None,
    allow_pickle: bool,
    **plan: Any,  # noqa: ANN401 -- the fields of Plan
) -> None:
    """Export CHECKPOINT, a folder, a hub id or ID@REVISION, to the new folder OUT, verified against PyTorch."""
    _limit_waiting_threads()
    with reported(code=2):
        checkpoint, revision = find_checkpoint(checkpoint, revision)
    with imported("fillmask export", "export"):
        from fillmask_export import Plan, export
        from fillmask_export.card import size
        from fillmask_export.errors import FidelityError
        from fillmask_export.variants import USUAL
    try:
        with ending_signals():
            manifest = export(
                checkpoint,
                out,
                variants or USUAL,
                revision=revision,
                allow_pickle=allow_pickle,
                plan=Plan(**plan),
                say=_say,
            )
    except (FillMaskError, OSError) as error:
        fail(str(error), code=1 if isinstance(error, (FidelityError, OSError)) else 2)
    for variant, entry in manifest["variants"].items():
        click.echo(f"{variant}: {size(entry, manifest['files']) / 1e6:.1f} MB")
        for name, value in entry["fidelity"].items():
            click.echo(f"  {name.replace('_', ' '):22} {value:.6g}")


def ending_signals() -> AbstractContextManager[None]:
    """Turn SIGTERM and SIGHUP into SignalExit; nohup still ignores SIGHUP.

    By default both end a process at once, and an unfinished export would stay on the disk.
    """
    return handling("SIGTERM", "SIGHUP", handler=_end)


def _end(number: int, _: FrameType | None) -> NoReturn:
    raise SignalExit(number)


def _limit_waiting_threads() -> None:
    """Let PyTorch's threads sleep until there is work, and give NumPy none.

    Both wait in loops otherwise. On busy CPUs, PyTorch's waiting took ten times the CPU time of its work, and NumPy's
    seven times that of the factors of GPTQ. With one thread NumPy also adds in the same order on CPUs of any number of
    cores. The libraries read the variables when they are loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _say(step: str) -> None:
    click.echo(step, err=True)
