"""Requests and models for tests of how the server weighs a text."""

from types import SimpleNamespace

from fillmask.server.request import TaskRequest
from fillmask.server.settings import Settings

VOCABULARY = 30_522


def weights(service, texts, parameters=None, *, arguments=None, bytes_per_token=4, stream=False, **limits):
    """The weights that a service gives the texts of a request to a model of 512 tokens."""
    request = TaskRequest(
        texts, single=False, arguments=arguments or {}, timeout=1, stream=stream, warnings=[], size=100
    )
    inner = SimpleNamespace(
        max_length=512,
        vocab_size=VOCABULARY,
        tokenizer=SimpleNamespace(mask_token="[MASK]"),
        encoder=SimpleNamespace(placeholders_of=lambda text: () if "[MASK]" in text else ("<mask>", "{mask}")),
    )
    served = SimpleNamespace(model=inner, bytes_per_token=bytes_per_token)
    return service.weigh(request, served, Settings(**limits), parameters)
