"""Existing clients work against the server once they have its URL."""

import asyncio
import dataclasses
import json
import shutil
import subprocess
from inspect import signature

import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from tests.support.serving import KEY, TEXT

pytestmark = pytest.mark.usefixtures("loopback")
KEYS = {"sequence": str, "score": float, "token": int, "token_str": str}


def rows(elements):
    """A client's parsed response, as the server sent it."""
    return [{key: getattr(element, key) for key in ("score", "token", "token_str", "sequence")} for element in elements]


@pytest.fixture(params=["sync", "async"])
def fill_mask(request):
    """``fill_mask`` of each client, called in the same way."""

    def ask(url, *arguments, token=None, **options):
        if request.param == "sync":
            return InferenceClient(model=url, token=token).fill_mask(*arguments, **options)

        async def run():
            async with AsyncInferenceClient(model=url, token=token) as client:
                return await client.fill_mask(*arguments, **options)

        return asyncio.run(run())

    ask.is_async = request.param == "async"
    return ask


def test_a_client_gets_the_predictions_of_the_library(server, alone, fill_mask):
    assert rows(fill_mask(server.url, TEXT)) == alone(TEXT)
    assert rows(fill_mask(server.url, TEXT, top_k=2)) == alone(TEXT, top_k=2)
    assert rows(fill_mask(server.url, TEXT, targets=["town", "city"])) == alone(TEXT, targets=["town", "city"])


def test_a_client_gets_a_list_for_each_mask(server, alone, fill_mask):
    text = "He [MASK] the door and left the [MASK]."
    assert [rows(mask) for mask in fill_mask(server.url, text)] == alone(text)


def test_a_client_reaches_a_model_under_the_hosted_path(server, alone, fill_mask):
    assert rows(fill_mask(f"{server.url}/hf-inference/models/minilm-en", TEXT)) == alone(TEXT)


def test_a_client_shows_its_key(locked, alone, fill_mask):
    assert rows(fill_mask(locked.url, TEXT, token=KEY)) == alone(TEXT)
    with pytest.raises(Exception, match="401"):
        fill_mask(locked.url, TEXT, token="wrong-key")


def test_a_client_gets_the_reason_of_an_error(server, fill_mask):
    with pytest.raises(Exception, match="422") as caught:
        fill_mask(server.url, "no mask")
    message = str(caught.value) + str(getattr(caught.value, "response_error_payload", ""))
    assert "No mask_token ([MASK]) found on the input" in message
    assert fill_mask.is_async or isinstance(caught.value, HfHubHTTPError)


def test_an_unknown_model_is_the_client_s_own_error(server):
    with pytest.raises(RepositoryNotFoundError, match="no model 'org/none' here"):
        InferenceClient(model=f"{server.url}/models/org/none").fill_mask(TEXT)


def test_the_request_id_is_in_the_client_s_error(server):
    client = InferenceClient(model=server.url, headers={"x-request-id": "mine-17"})
    with pytest.raises(HfHubHTTPError, match="mine-17"):
        client.fill_mask("no mask")


def test_a_client_checks_the_health_of_the_server(server):
    newer = "provider" in signature(InferenceClient).parameters
    client = InferenceClient(model=server.url, **({"provider": "hf-inference"} if newer else {}))
    assert client.health_check()
    assert client.get_endpoint_info()["mask_token"] == "[MASK]"


@pytest.mark.parametrize("parameters", [{}, {"top_k": 1}, {"top_k": 100}, {"targets": ["city", "town"]}])
def test_predictions_have_exactly_the_members_of_the_task_s_schema(server, parameters):
    answer = server.ask(TEXT, **parameters).json
    assert isinstance(answer, list)
    assert answer
    for element in answer:
        assert {key: type(value) for key, value in element.items()} == KEYS


def test_the_client_s_own_class_has_these_members(server):
    (element,) = InferenceClient(model=server.url).fill_mask(TEXT, top_k=1)
    named = {field.name for field in dataclasses.fields(element)}
    assert KEYS.keys() <= named


def test_curl_needs_a_url_and_a_body(server, alone):
    assert shutil.which("curl")
    command = ["curl", "--silent", "--json", json.dumps({"inputs": TEXT}), server.url]
    assert json.loads(subprocess.run(command, capture_output=True, check=True, timeout=30).stdout) == alone(TEXT)
