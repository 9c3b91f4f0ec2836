"""Write the golden files: ``python -m tests.golden.make``.

Asks transformers every question of ``tests/support/cases.py`` and keeps, for each tokenizer family, the answers in
``<family>/cases.json`` and the model they come from in ``<family>/model/``, so that parity can be checked where torch
is not installed. Run it after a change to the cases, to the checkpoints or to the version of transformers, and read the
difference before you commit it. It fails, and leaves that family's files as they were, if a corner-case class has no
call that shows it or a file grows too large.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
import transformers

from tests.support.agreement import Outcome, ask_reference
from tests.support.cases import Call, calls
from tests.support.checkpoints import FAMILIES, make_checkpoint
from tests.support.layouts import lay_out

HERE = Path(__file__).parent

LARGEST_MODEL_BYTES = 400_000
# Characters that would reorder or hide text on a reader's screen; they are written as escapes.
INVISIBLE = re.compile("[\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
CJK = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")

# What a call and its outcome must be like to be an example of a class.
CLASSES: dict[str, Callable[[Call, Outcome], bool]] = {
    "single_mask": lambda call, outcome: isinstance(outcome.answer[0], dict),
    "several_masks": lambda call, outcome: isinstance(outcome.answer[0], list),
    "list": lambda call, outcome: len(outcome.answer) == len(call.inputs) > 1,
    "list_of_one": lambda call, outcome: len(call.inputs) == 1 and isinstance(outcome.answer[0], dict),
    "empty_list": lambda call, outcome: call.inputs == outcome.answer == [],
    "mixed_list": lambda call, outcome: len({type(answer[0]) for answer in outcome.answer}) == 2,
    "generator": lambda call, outcome: call.lazy and len(outcome.answer) == len(call.inputs),
    "random_masks": lambda call, outcome: len(outcome.answer) >= 10,
    "targets_known": lambda call, outcome: bool(outcome.answer) and not outcome.warnings,
    "targets_replaced": lambda call, outcome: any("Replacing with" in warning for warning in outcome.warnings),
    "targets_ignored": lambda call, outcome: any("ignoring it" in warning for warning in outcome.warnings),
    "targets_duplicate": lambda call, outcome: len(outcome.answer) < len(call.parameters["targets"]),
    "targets_mixed": lambda call, outcome: len(outcome.warnings) > 1,
    "targets_special": lambda call, outcome: any(row["token_str"].strip("[]<>").isalnum() for row in outcome.answer),
    "targets_empty": lambda call, outcome: outcome.error[0] == "TargetsError",
    "top_k_none": lambda call, outcome: len(outcome.answer) == 5,
    "top_k_0": lambda call, outcome: outcome.answer == [],
    "top_k_1": lambda call, outcome: len(outcome.answer) == 1,
    "top_k_5": lambda call, outcome: len(outcome.answer) == 5,
    "top_k_all": lambda call, outcome: len(outcome.answer) == call.parameters["top_k"] > 500,
    "top_k_too_large": lambda call, outcome: outcome.error[0] == "TopKError",
    "no_mask": lambda call, outcome: outcome.error[0] == "NoMaskError",
    "special_tokens_in_text": lambda call, outcome: "[SEP]" in call.inputs,
    "unicode_cjk": lambda call, outcome: bool(CJK.search(call.inputs)),
    "unicode_emoji": lambda call, outcome: "\u200d" in call.inputs and "👍🏽" in call.inputs,
    "unicode_combining": lambda call, outcome: any(map(unicodedata.combining, call.inputs)),
    "unicode_rtl": lambda call, outcome: any(unicodedata.bidirectional(char) in ("R", "AL") for char in call.inputs),
    "whitespace": lambda call, outcome: "\r\n" in call.inputs,
    "punctuation": lambda call, outcome: " ?" in call.inputs,
    "long_word": lambda call, outcome: max(map(len, call.inputs.split())) > 100,
    "truncation_right": lambda call, outcome: "truncation" in call.parameters and len(call.inputs) > 300,
}


def main() -> None:
    """Make the golden files of every family."""
    for family in FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            _make(family, Path(folder))


def _make(family: str, work: Path) -> None:
    checkpoint = make_checkpoint(family, work / "checkpoint")
    model = lay_out("foreign", checkpoint, work / "model")
    _check_size(model)
    pipeline = transformers.pipeline("fill-mask", model=str(checkpoint), device="cpu")
    answered = [(name, call, ask_reference(pipeline, call)) for name, asked in calls(family).items() for call in asked]
    _check_classes(family, answered)
    golden = HERE / family
    shutil.rmtree(golden, ignore_errors=True)
    shutil.copytree(model, golden / "model")
    (golden / "cases.json").write_text(_to_json(answered), encoding="utf-8")


def _check_size(model: Path) -> None:
    size = sum(path.stat().st_size for path in model.iterdir())
    if size > LARGEST_MODEL_BYTES:
        raise SystemExit(f"{model} has {size} bytes, more than {LARGEST_MODEL_BYTES}; make the checkpoint smaller")


def _check_classes(family: str, answered: list[tuple[str, Call, Outcome]]) -> None:
    """Refuse to go on unless each class has an example, and each call a class."""
    shown = {name for name, call, outcome in answered if name in CLASSES and _shows(name, call, outcome)}
    if missing := CLASSES.keys() - shown:
        raise SystemExit(f"{family} has no example of {', '.join(sorted(missing))}")
    if unknown := {name for name, _, _ in answered} - CLASSES.keys():
        raise SystemExit(f"CLASSES does not say what makes an example of {', '.join(sorted(unknown))}")


def _shows(name: str, call: Call, outcome: Outcome) -> bool:
    try:
        return CLASSES[name](call, outcome)
    except (AttributeError, IndexError, TypeError):
        # Another shape than the class is about: a list where it looks at a text, an error where it looks at an answer.
        return False


def _to_json(answered: list[tuple[str, Call, Outcome]]) -> str:
    """One case a line, so that a changed answer is a changed line."""
    versions = json.dumps({"torch": torch.__version__, "transformers": transformers.__version__})
    cases = [{"class": name, "call": asdict(call), "outcome": asdict(outcome)} for name, call, outcome in answered]
    lines = ",\n".join(INVISIBLE.sub(_escape, json.dumps(case, ensure_ascii=False)) for case in cases)
    return f'{{"made_with": {versions}, "cases": [\n{lines}\n]}}\n'


def _escape(character: re.Match[str]) -> str:
    return f"\\u{ord(character[0]):04x}"


if __name__ == "__main__":
    main()
