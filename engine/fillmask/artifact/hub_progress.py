"""Bars of huggingface_hub's downloads, on terminals alone; its older versions show them in files and pipes too."""

from __future__ import annotations

from typing import Any

from huggingface_hub.utils.tqdm import tqdm


class TerminalBar(tqdm):
    """A bar of huggingface_hub that a file or a pipe does not get, nor one of no files at all."""

    monitor_interval = 0  # its thread can keep a process from ending; see cli/bar.py

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 -- tqdm's own
        nothing = options.get("total") == 0 and options.get("unit", "it") == "it"
        shown = {**options, "disable": options.get("disable") or nothing or None}
        super().__init__(*args, **shown)  # type: ignore[no-untyped-call]
