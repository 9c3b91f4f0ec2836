"""What operators and their tools use: health, info, metrics, headers, the log, the OpenAPI description."""

import json
import os
import re
from types import SimpleNamespace

import pytest

import fillmask
from fillmask.server.info_schema import Health, ModelInfo, ServerInfo
from fillmask.server.lifecycle import find_problem
from fillmask.server.registry import Registry
from fillmask.server.routes import FILL_MASK_PATHS, HEALTH_PATHS
from fillmask.server.settings import Settings
from tests.support import serving, toys
from tests.support.serving import TEXT


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/ping"])
def test_it_is_healthy(server, path):
    assert server.get(path).json == {"status": "ok"}


def test_it_is_to_be_restarted_when_its_weights_were_written_to(tmp_path):
    folder = toys.write_weighty(tmp_path / "weighty")
    with serving.serve("--model", str(folder), "--variant", "fp32") as served:
        assert served.get("/health/live").status == 200
        os.truncate(folder / "model_fp32.onnx_data", 0)
        for path in ("/health/live", "/health/ready"):
            reply = served.get(path)
            assert (reply.status, str(tmp_path) in reply.body.decode()) == (503, False)
            assert reply.error.startswith("the weights of model weighty were written to while")
        texts = {"inputs": ["the [MASK] sat on the mat."] * 2}
        whole = served.request("POST", "/", texts)
        assert (whole.status, whole.error) == (503, reply.error)
        lines = served.request("POST", "/", texts, {"accept": "application/x-ndjson"}).body.splitlines()
        assert [json.loads(line)["error"] for line in lines] == [reply.error] * 2
        # The log, which comes from another thread, says which file.
        serving.wait_for(lambda: any(str(tmp_path) in line for line in served.lines))


def test_info_has_the_model_and_the_limits(server, alone):
    info = server.get("/info").json
    assert info["model_id"] == "minilm-en"
    assert info["model_dtype"] == "int8"
    assert (info["mask_token"], info["vocab_size"], info["max_input_length"]) == ("[MASK]", alone.vocab_size, 512)
    assert (info["max_client_batch_size"], info["max_concurrent_requests"]) == (32, 2048)
    assert info["version"] == fillmask.__version__


def test_models_are_listed_without_their_folders(server):
    reply = server.get("/models")
    assert [model["model_id"] for model in reply.json][:2] == ["minilm-en", "bytelevel"]
    assert str(fillmask.__path__[0]).encode() not in reply.body


def test_the_headers_have_the_time_of_each_stage(server):
    headers = server.ask([TEXT, "A [MASK]."]).headers
    assert headers["x-compute-tokens"] == "14"
    assert headers["x-compute-type"] == "cpu"
    times = [float(headers[f"x-{name}-time"]) for name in ("queue", "tokenization", "inference", "total")]
    assert all(time >= 0 for time in times)
    assert times[2] > 0.2
    assert times[3] > 0.2


@pytest.mark.parametrize(("given", "kept"), [("mine-1.2_3", True), ("a b", False), ("x" * 129, False), ("é", False)])
def test_a_request_id_is_the_client_s_own_if_it_is_harmless(server, given, kept):
    answer = server.get("/health", {"x-request-id": given.encode("latin-1")}).headers["x-request-id"]
    assert (answer == given) == kept
    assert re.fullmatch(r"[A-Za-z0-9._-]+", answer)


@pytest.fixture(scope="module")
def talkative():
    with serving.serve("--log-texts") as served:
        yield served


def test_metrics_count_what_was_done(talkative):
    stages = ("queue", "tokenize", "run", "post")
    counted = {
        'fillmask_requests_total{method="POST",status="200"}': 1,
        'fillmask_requests_total{method="POST",status="422"}': 1,
        'fillmask_requests_total{method="GET",status="404"}': 1,
        'fillmask_texts_total{model="minilm-en",outcome="predicted"}': 2,
        'fillmask_texts_total{model="minilm-en",outcome="refused"}': 1,
        'fillmask_tokens_total{model="minilm-en"}': 9 + 5,
        "fillmask_request_seconds_count": 3 + 1,  # the first reading of the metrics too
    } | {f'fillmask_stage_seconds_count{{stage="{name}"}}': 3 for name in stages}
    before = metrics(talkative)
    assert talkative.ask([TEXT, "The [MASK]."]).status == 200
    assert talkative.ask("no mask").status == 422
    assert talkative.get("/nope").status == 404
    after = metrics(talkative)
    assert {name: after[name] - before.get(name, 0) for name in counted} == counted
    now = {
        f'fillmask_model_info{{model="minilm-en",variant="int8",version="{fillmask.__version__}"}}': 1,
        "fillmask_requests_in_flight": 0,
        "fillmask_queue_depth": 0,
        "fillmask_queue_tokens": 0,
    }
    assert {name: after[name] for name in now} == now


def metrics(server):
    """Every metric, by its name and labels as Prometheus writes them."""
    page = server.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=")
    lines = [line for line in page.body.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_texts_are_logged_with_log_texts(talkative):
    talkative.ask(TEXT, headers={"x-request-id": "with-text"})
    serving.wait_for(lambda: talkative.events("request", id="with-text"))
    assert talkative.events("request", id="with-text")[0]["inputs"] == [TEXT]


def test_the_log_has_a_line_for_each_request_and_no_text(server):
    reply = server.ask("The secret is [MASK].", headers={"x-request-id": "one-line"})
    assert reply.status == 200
    serving.wait_for(lambda: server.events("request", id="one-line"))
    (line,) = server.events("request", id="one-line")
    assert (line["method"], line["path"], line["status"], line["model"], line["texts"]) == (
        "POST",
        "/",
        200,
        "minilm-en",
        1,
    )
    assert line["level"] == "info"
    assert line["ms"] > 0
    assert not [each for each in server.lines if "secret" in each]


def test_lines_for_health_have_level_debug(server):
    for path in HEALTH_PATHS:
        server.get(path, {"x-request-id": "health"})
    server.get("/info", {"x-request-id": "behind-health"})
    serving.wait_for(lambda: server.events("request", id="behind-health"))
    assert not server.events("request", id="health")
    with serving.serve("--log-level", "debug") as talking:
        for path in HEALTH_PATHS:
            talking.get(path, {"x-request-id": "health"})
        serving.wait_for(lambda: len(talking.events("request", id="health")) == len(HEALTH_PATHS))
        assert {line["level"] for line in talking.events("request", id="health")} == {"debug"}


def test_what_a_client_writes_cannot_forge_a_line(server):
    server.get('/%0a{"event":"forged"}%0a')
    serving.wait_for(lambda: any("forged" in line for line in server.lines))
    assert not server.events("forged")


def test_the_log_has_the_number_of_threads(server):
    assert server.events("serving")[0]["threads"] == server.get("/info").json["threads"]


def test_openapi_begins_with_the_main_path(server):
    assert next(iter(server.get("/openapi.json").json["paths"])) == "/"


def test_openapi_describes_what_there_is(server):
    described = server.get("/openapi.json").json
    assert described["info"]["version"] == fillmask.__version__
    for path, operation in posts(described):
        assert {"200", "400", "401", "404", "408", "413", "415", "422", "429", "503", "504"} <= operation[
            "responses"
        ].keys(), path
    text = json.dumps(described)
    for name in set(re.findall(r"#/components/schemas/([^\"]+)", text)):
        assert name in described["components"]["schemas"], name


def posts(described):
    return [(path, methods["post"]) for path, methods in described["paths"].items() if "post" in methods]


def test_each_verb_is_described_once_under_the_name_that_clients_get(server):
    described = server.get("/openapi.json").json
    assert {path: operation["operationId"] for path, operation in posts(described)} == {
        "/": "fill_mask", "/rank": "rank", "/infill": "infill", "/score": "score", "/marginals": "marginals",
        "/classify": "classify", "/zero-shot-classification": "zero_shot_classification",
    }  # fmt: skip
    for path in FILL_MASK_PATHS[1:]:
        assert f"`{path.replace(':path', '')}`" in described["paths"]["/"]["post"]["description"]


def test_each_example_runs(server):
    for path, operation in posts(server.get("/openapi.json").json):
        body = operation["requestBody"]["content"]["application/json"]
        assert body["schema"].keys() == {"$ref"}
        assert server.request("POST", path, body["example"]).status == 200, path


def test_descriptions_are_written_for_readers_of_the_api(server):
    described = server.get("/openapi.json").json
    for methods in described["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert operation["description"]
            assert "Raises:" not in operation["description"]
            assert "``" not in operation["description"]


@pytest.mark.parametrize(("path", "read"), [("/info", ServerInfo), ("/models", ModelInfo), ("/health", Health)])
def test_what_operators_read_has_the_type_that_is_described(server, path, read):
    found = server.get(path).json
    for each in found if isinstance(found, list) else [found]:
        assert read.model_validate(each).model_dump() == each
    schema = server.get("/openapi.json").json["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    assert read.__name__ in json.dumps(schema["schema"])


def test_nothing_is_loaded_from_elsewhere(server):
    for path in ("/", "/docs"):
        reply = server.get(path)
        assert reply.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert not re.findall(rb"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", reply.body)


@pytest.mark.parametrize(("max_length", "hung"), [(16, 30), (512, 30), (8192, 480)])
def test_a_run_has_hung_when_it_takes_longer_than_the_longest_text_can(max_length, hung):
    model = SimpleNamespace(max_length=max_length, session=SimpleNamespace(check_weights=lambda: None))
    registry = Registry([SimpleNamespace(name="a", model=model)])

    def problem(seconds, *, ready):
        scheduler = SimpleNamespace(alive=True, longest_run=seconds)
        return find_problem(registry, scheduler, SimpleNamespace(draining=False), Settings(), ready)

    assert problem(hung - 1, ready=False) is None
    assert problem(hung + 1, ready=False) == f"a run has taken longer than {hung} s"
    assert problem(hung / 3 - 1, ready=True) is None  # at the default deadline of 10 s new requests should go elsewhere
    assert problem(hung / 3 + 1, ready=True) == f"a run has taken longer than {hung // 3} s"
