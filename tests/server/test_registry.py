"""The served models: how they are loaded, and how much of a queue they run together."""

from types import SimpleNamespace

import pytest

from fillmask import ProviderError
from fillmask.server import registry
from fillmask.server.registry import ServedModel, load


def test_models_are_loaded_on_the_providers_that_are_named():
    (served,) = load([], "auto", ["cpu"])
    assert served.model.session.providers == ["CPUExecutionProvider"]
    options = served.model.session.ort.get_session_options()
    assert options.intra_op_num_threads == served.model.session.threads == 1


def test_a_model_has_its_huge_pages_before_it_is_served(monkeypatch):
    calls = []
    monkeypatch.setattr(registry, "collapse", calls.append)
    (served,) = load([], "auto")
    assert calls == [served.model.session.mappings]


def test_a_provider_that_is_missing_is_an_error_before_anything_is_served():
    with pytest.raises(ProviderError, match="NoSuchProvider"):
        load([], "auto", ["NoSuchProvider"])


@pytest.mark.parametrize(("gpu", "tokens", "padding"), [(False, 512, 16), (True, 32_768, 32_768)])
def test_a_gpu_runs_more_together(gpu, tokens, padding):
    served = ServedModel("toy", SimpleNamespace(session=SimpleNamespace(on_gpu=gpu)))
    assert (served.max_batch_tokens, served.max_padding) == (tokens, padding)
