"""Priors: their JSON, their hash and their arithmetic."""

import json
import math

import pytest

from fillmask import FillMask, InputError, Prior
from fillmask.artifact.content_hash import hash_foreign
from fillmask.tasks.prior import identity, log_sum, mean_of
from tests.support import toys

PRIOR = Prior(({"cat": -1.5, "été": -2.25},), ("{text} [MASK]",), "l2r", None, 2, {"variant": "fp32", "sha256": None})


def test_json_holds_a_prior():
    again = Prior.from_json(PRIOR.to_json())
    assert again == PRIOR
    assert again.sha256 == PRIOR.sha256
    assert len(PRIOR.sha256) == 64
    assert "été" in PRIOR.to_json()


def test_the_hash_depends_on_every_number_and_not_on_the_order_of_words():
    turned = Prior((dict(reversed(PRIOR.words[0].items())),), *([PRIOR.templates, "l2r", None, 2, PRIOR.model]))
    assert turned.sha256 == PRIOR.sha256
    other = Prior(({"cat": -1.5, "été": -2.5},), *([PRIOR.templates, "l2r", None, 2, PRIOR.model]))
    assert other.sha256 != PRIOR.sha256


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "{}", "3", '{"words": 3}', json.dumps({"words": [], "templates": ["a"]})),
        PRIOR.to_json().replace('"texts": 2', '"texts": Infinity'),
        PRIOR.to_json().replace("-1.5", "9" * 400),
        "[" * 100_000,
    ],
)
def test_what_is_no_prior_is_refused(content):
    with pytest.raises(InputError, match="the prior is not one that fit_prior made"):
        Prior.from_json(content)


def test_probabilities_are_averaged_and_not_their_logarithms():
    readings = [[{"a": math.log(0.1)}], [{"a": math.log(0.3)}]]
    assert mean_of(readings)[0]["a"] == pytest.approx(math.log(0.2))
    assert mean_of([[{"a": -2000.0}], [{"a": -2000.0}]])[0]["a"] == pytest.approx(-2000)
    assert log_sum([-math.inf, -math.inf]) == -math.inf


def test_variants_of_a_model_are_told_apart(native, foreign):
    assert identity(native.model)["variant"] == "fp32"
    assert len(identity(native.model)["sha256"]) == 64
    assert identity(foreign.model) == {"variant": "fp32", "sha256": hash_foreign(foreign.artifact, "fp32")}


def test_a_prior_is_checked(native):
    prior = native.fit_prior(labels=["cat"], template="{text} [MASK]")
    prior.check(native.model, ["{text} [MASK]"], ["cat"], method="l2r", normalize=None)
    with pytest.raises(InputError, match="no word 'dog'"):
        prior.check(native.model, ["{text} [MASK]"], ["cat", "dog"], method="l2r", normalize=None)


def test_a_prior_of_another_model_without_a_manifest_is_refused(foreign, tmp_path, monkeypatch):
    arguments = {"labels": ["cat"], "template": "{text} [MASK]"}
    prior = foreign.fit_prior(**arguments)
    graph = toys.foreign_graph(toys.tables(7))
    other = FillMask(toys.write_foreign(tmp_path / "other", {"model.onnx": graph}), threads=1)
    with pytest.raises(InputError, match="the prior was fitted with model"):
        other.classify("a cat", **arguments, prior=prior)
    same = FillMask(toys.write_foreign(tmp_path / "same"), threads=1)
    same.classify("a cat", **arguments, prior=prior)
    monkeypatch.setattr("fillmask.tasks.prior.hash_foreign", None)  # a loaded model is hashed once
    same.classify("a cat", **arguments, prior=prior)
