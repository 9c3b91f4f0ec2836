"""Requests that schemathesis generates from the OpenAPI description, and its checks of the responses."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, settings

from tests.support.serving import Served


@dataclass
class Counted:
    """The outcome of the requests.

    Attributes:
        requests: How many were sent.
        failures: Messages of failed checks; each is a defect of the server or of its description.
    """

    requests: int = 0
    failures: list[str] = field(default_factory=list)


def run(server: Served, least: int) -> Counted:
    """Send at least ``least`` requests, spread over the operations of the description."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of schemathesis' own dependencies
        import schemathesis
        from schemathesis.checks import not_a_server_error
        from schemathesis.specs.openapi.checks import (
            content_type_conformance,
            response_schema_conformance,
            status_code_conformance,
        )

        checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
        schema = schemathesis.openapi.from_dict(server.get("/openapi.json").json)
        schema.config.update(base_url=server.url)
        counted = Counted()
        operations = [found.ok() for found in schema.get_all_operations()]
        posts = [operation for operation in operations if operation.method == "post"]
        for operation in operations:
            count = -(-least // len(posts)) if operation in posts else 5
            _send(operation, count, checks, counted)
        return counted


def _send(operation, count, checks, counted):
    import schemathesis
    from schemathesis.core.failures import FailureGroup

    modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
    wanted = counted.requests + count
    for mode in modes * 20:
        if counted.requests >= wanted:
            return

        @settings(max_examples=max(1, count // 2), deadline=None, database=None, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck), derandomize=False)  # fmt: skip
        @given(operation.as_strategy(generation_mode=mode))
        def send(case):
            counted.requests += 1
            try:
                case.call_and_validate(checks=checks)
            except FailureGroup as group:
                counted.failures.append(f"{operation.label}: {group.exceptions}")

        send()
