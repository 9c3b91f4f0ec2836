"""fillmask on a GPU: its answers beside the CPU's, its speed beside transformers', its share of what the GPU can do.

Not yet run on a GPU. What is imported here at the start is little, so that a machine without the rest is told of it.
"""

from __future__ import annotations

import datetime
import shlex
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from benchmarks.measures.gpu_building import build, check_packages

if TYPE_CHECKING:
    from benchmarks.contenders.gpu_ import Device
    from benchmarks.harness.records import Record
    from benchmarks.harness.suite import Found
    from benchmarks.measures.gpu_races import Pace
    from benchmarks.models.folders import ModelFolders

Profile = Literal["quick", "full"]
_MODELS = ("minilm", "bert-base", "xlmr-base")
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_PACES: dict[str, dict[str, Any]] = {
    "quick": {"rounds": 7, "seconds": 0.2, "texts": 64, "alone": (32, 128), "tokens": (128,), "batch_sizes": (1, 32),
              "shapes": ((1, 128), (32, 128))},
    "full": {"rounds": 15, "seconds": 0.4, "texts": 200, "alone": (8, 32, 128, 512), "tokens": (32, 128, 512),
             "batch_sizes": (1, 8, 32, 128), "shapes": ((1, 128), (32, 128), (128, 128), (32, 512))},
}  # fmt: skip


@click.command(short_help="A GPU beside the CPU and beside transformers.")
@click.option("--model", type=click.Choice(_MODELS), default="minilm", show_default=True)
@click.option(
    "--provider", default="CUDAExecutionProvider", show_default=True, help="CPUExecutionProvider to try it out."
)
@click.option("--device-id", type=click.IntRange(0), default=0, show_default=True)
@click.option("--profile", type=click.Choice(["quick", "full"]), default="full", show_default=True)
@click.option("--checkpoint", type=_FOLDER, help="Trained weights of the model's architecture.")
@click.option("--artifact", type=_FOLDER, help="Exported from --checkpoint before, in fp32 and fp16.")
@click.option("--rounds", type=click.IntRange(1), help="Instead of the profile's.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the record.")
def command(**given: Any) -> None:  # noqa: ANN401 -- click's options
    """Build, check and time everything on a GPU, and print the goals beside what was measured."""
    if given["artifact"] and not given["checkpoint"]:
        raise click.UsageError("--artifact needs --checkpoint, the weights that it was exported from")
    check_packages()
    run(**given)


def run(profile: Profile, rounds: int | None, out: Path | None, **asked: Any) -> None:  # noqa: ANN401 -- as above
    """Measure, write the record, and print the table."""
    from benchmarks.contenders.gpu_ import Device
    from benchmarks.harness.records import RESULTS, write
    from benchmarks.measures.gpu_goals import goals
    from benchmarks.models.folders import BUILT

    device = Device(asked["provider"], asked["device_id"])
    _check_provider(device)
    folders = build(asked["model"], asked["checkpoint"], asked["artifact"])
    pace = _pace(profile, rounds, folders.manifest["max_length"])
    record = measure(folders, device, pace, profile=profile, command=_again(profile, rounds, **asked))
    for_good = profile == "full" and device.is_gpu
    path = write(record, out or (RESULTS if for_good else BUILT / "results"))
    for reason in record.invalid_reasons:
        click.echo(f"INVALID: {reason}", err=True)
    for case, reasons in record.unsettled.items():
        click.echo(f"NOT SETTLED: {case}: {'; '.join(reasons)}", err=True)
    click.echo(f"{path}\n\n{goals(record, device)}")


def measure(folders: ModelFolders, device: Device, pace: Pace, *, profile: Profile, command: str) -> Record:
    """Everything, as a record."""
    from benchmarks.contenders.gpu_ import REFERENCE
    from benchmarks.harness import machine
    from benchmarks.harness.records import Record
    from benchmarks.harness.validity import Evidence, judge

    started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    context = machine.context()
    with machine.Watch() as watch:
        found = _race(folders, device, pace)
    failures = {name: why for name, why in found.params["refused"].items() if name == REFERENCE}
    evidence = Evidence(context, watch.found, found.controls, found.rounds, failures, found.gate)
    reasons, unsettled = judge(evidence, profile)
    return Record(
        suite="gpu",
        model=folders.name,
        profile=profile,
        command=command,
        started_at=started,
        context=context,
        watch=watch.found,
        params={"subject": folders.described(), "title": folders.name, **found.params},
        rows=found.rows,
        comparisons=found.comparisons,
        invalid_reasons=reasons,
        valid=not reasons,
        unsettled=unsettled,
    )


def _race(folders: ModelFolders, device: Device, pace: Pace) -> Found:
    from benchmarks.contenders.gpu_ import ON_CPU, OURS, PEAK, RACERS
    from benchmarks.harness.records import Row
    from benchmarks.harness.suite import Found
    from benchmarks.measures.gpu_checks import check
    from benchmarks.measures.gpu_field import GpuField
    from benchmarks.measures.gpu_races import latency, throughput
    from benchmarks.measures.gpu_roofline import roofline
    from benchmarks.models.texts import Writer

    found, writer = Found(asdict(pace)), Writer(folders.artifact, folders.manifest["mask_token"])
    with GpuField(folders, [*RACERS, ON_CPU, PEAK], device) as field:
        for name in (OURS, ON_CPU):
            if name in field.failed:
                raise click.ClickException(f"{name}: {field.failed[name]}")
        refused = check(found, field, folders, pace.texts)
        found.params |= {"refused": refused, "device": field.settings.get(PEAK, field.failed.get(PEAK))}
        found.rows += [Row(name, device.precision_of(name), {}, "", [], failed=why) for name, why in refused.items()]
        if OURS in refused:
            found.gate = f"{OURS} does not answer as fp32 does on the CPU: {refused[OURS]}"
            return found
        names = [name for name in RACERS if name not in refused]
        latency(found, field, names, writer, pace)
        throughput(found, field, names, writer, pace)
        roofline(found, field, folders, writer, pace)
    return found


def _pace(profile: Profile, rounds: int | None, longest: int) -> Pace:
    """How much is measured of a model that takes so many tokens."""
    from benchmarks.measures.gpu_races import Pace

    pace = Pace(**_PACES[profile])
    return replace(
        pace,
        rounds=rounds or pace.rounds,
        alone=tuple(tokens for tokens in pace.alone if tokens <= longest),
        tokens=tuple(tokens for tokens in pace.tokens if tokens <= longest),
        shapes=tuple(shape for shape in pace.shapes if shape[1] <= longest),
    )


def _check_provider(device: Device) -> None:
    """Before anything is made, so that nobody waits for what cannot be run."""
    from fillmask import ProviderError
    from fillmask.runtime.providers import check_providers

    try:
        check_providers(device.providers)
    except ProviderError as error:
        raise click.ClickException(str(error)) from error


def _again(profile: Profile, rounds: int | None, **asked: Any) -> str:  # noqa: ANN401 -- as above
    """The command, with names of folders instead of their places."""
    words = ["python", "-m", "benchmarks", "gpu", "--profile", profile]
    words += ["--rounds", str(rounds)] if rounds else []
    for name, value in asked.items():
        words += [f"--{name.replace('_', '-')}", value.name if isinstance(value, Path) else str(value)] if value else []
    return shlex.join(words)
