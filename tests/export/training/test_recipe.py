"""Settings that make no sense are refused where they are given, by their names."""

from math import inf, nan

import pytest

from fillmask_export.training.errors import TrainingError
from fillmask_export.training.recipe import Recipe


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "minutes, steps or both"),
        ({"minutes": -1.0}, "minutes must be more than 0"),
        ({"steps": 1, "selected": 0}, "selected must be more than 0"),
        ({"steps": 1, "long_share": 1.5}, "long_share is a share"),
        ({"steps": 1, "learning_rate": nan}, "learning_rate must be more than 0, and finite, not nan"),
        ({"minutes": inf}, "minutes must be more than 0, and finite, not inf"),
        ({"steps": 1, "short_length": 0}, "short_length must be more than 0"),
        ({"steps": 1, "held_out": 0}, "held_out must be more than 0"),
        ({"steps": 1, "seed": -1}, r"seed must be from 0 to 2\*\*63 - 1, not -1"),
        ({"steps": 1, "seed": 2**63}, r"seed must be from 0 to 2\*\*63 - 1"),
        ({"steps": 1, "precision": "fp16"}, "precision must be one of auto, fp32, bf16, not 'fp16'"),
        ({"steps": 1, "masked": 0.9, "random": 0.2}, "at most 1 together"),
    ],
)
def test_a_recipe_without_sense_is_refused(settings, message):
    with pytest.raises(TrainingError, match=message):
        Recipe(**settings)
