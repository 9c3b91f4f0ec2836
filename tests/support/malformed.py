# ruff: noqa: E501 -- tables
"""Malformed requests as data, each with the statuses that are correct for it.

A case of a wrong body has correct headers. A case of wrong headers or framing is the whole request.
"""

from __future__ import annotations

import json
import pickle
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

TEXT = "Paris is the [MASK] of France."
GOOD = json.dumps({"inputs": TEXT}).encode()


@dataclass(frozen=True)
class Case:
    """A request.

    Attributes:
        name: What is wrong with it.
        content: Every byte of it.
        statuses: The correct statuses.
        field: Required start of the message, if a field is wrong.
    """

    name: str
    content: bytes
    statuses: frozenset[int]
    field: str = ""


def request(body: bytes, *headers: str, line: str = "POST / HTTP/1.1", typed: bool = True) -> bytes:
    """A request with these headers besides the host, the length and, if ``typed``, the type."""
    lines = [line, "Host: localhost", *headers]
    if typed and not any(header.lower().startswith("content-type") for header in headers):
        lines.append("Content-Type: application/json")
    if not any(header.lower().startswith(("content-length", "transfer-encoding")) for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _body(name: str, body: bytes, status: int, field: str = "") -> Case:
    return Case(
        f"{name}: {body[:60]!r}… {body[-60:]!r}",
        request(body, "Content-Type: application/json"),
        frozenset({status}),
        field,
    )


NOT_JSON = [
    b"", b" ", b"\n", b"{", b"}", b"[", b"]", b'"', b"'", b"nul", b"tru", b"fals", b"None", b"True", b"undefined",
    b"{]", b"[}", b"[1,]", b"[,1]", b"[1 2]", b"[1,,2]", b'{"inputs"}', b'{"inputs":}', b'{"inputs" "x"}',
    b'{"inputs":"x",}', b'{,"inputs":"x"}', b'{"inputs"::"x"}', b"{inputs:1}", b"{'inputs':'x'}", b'{1:"x"}',
    b'{"inputs":"x"', b'{"inputs":"x', b'{"inputs":"\\x41"}', b'{"inputs":"\\u12"}', b'{"inputs":"\\uZZZZ"}',
    b'{"inputs":"\\"}', b'{"inputs":"a\nb"}', b'{"inputs":"a\tb"}', b'{"inputs":"a\x00b"}', b'{"inputs":"a\x1fb"}',
    b'{"inputs":"x"} {"inputs":"x"}', b'{"inputs":"x"}x', b'{"inputs":"x"}\x00', b'{"inputs":"x"}//', b'/**/{}',
    b'# {"inputs":"x"}', b'{"inputs":01}', b'{"inputs":+1}', b'{"inputs":.5}', b'{"inputs":1.}', b'{"inputs":0x10}',
    b'{"inputs":1e}', b'{"inputs":-}', b'{"inputs":1_000}', b'{"inputs":--1}',
    b'{"inputs":"\\ud800"}', b'{"inputs":"\\udc00\\ud800"}', b'{"inputs":"\\ud800\\u0041"}',
    GOOD.decode().encode("utf-16"), GOOD.decode().encode("utf-16-le"),
    GOOD.decode().encode("utf-16-be"), GOOD.decode().encode("utf-32"), GOOD.decode().encode("utf-7")[:-1],
    b'{"inputs":"\xff"}', b'{"inputs":"\xc0\xaf"}', b'{"inputs":"\xed\xa0\x80"}', b'{"inputs":"\xf4\x90\x80\x80"}',
    b'{"inputs":"\xe2\x82"}', b'{"inputs":"\x80"}', b'{"inputs":"caf\xe9 [MASK]"}', b"\xff\xfe", b"\x00" * 64,
    b"[" * 10_000, b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000, b'{"inputs":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    b'{"options":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001, b"<inputs>x</inputs>", b"inputs=x", b"---\ninputs: x\n",
    b"\x81\xa6inputs\xa1x", zlib.compress(GOOD), pickle.dumps({"inputs": TEXT}), b"(" * 1000, b'"' + b"\\" * 9999,
    b"GET / HTTP/1.1\r\n\r\n", b"NaN [", b"-" * 10_000,
]  # fmt: skip
OTHERS = ["null", "true", "1", "-1", "1.5", '"x"', "[]", '["x"]', "{}", "[{}]", "1e5", "123456789012345678901234567890"]
NO_TEXTS = ["null", "true", "false", "0", "1", "-1", "1.5", "1e400", "{}", '{"text": "[MASK]"}', "[1]", "[null]", "[true]",
            "[[]]", '[["[MASK]"]]', "[{}]", '["[MASK]", 1]', '["[MASK]", null]', "1" * 5000, "NaN", "Infinity"]  # fmt: skip
NO_TOP_KS = ["-1", "-9223372036854775808", "1001", "9223372036854775807", "9223372036854775808", "1" * 300, "1.5", "1.0",
             "1e1", "-0.5", "true", "false", '"5"', '""', '"five"', "[]", "[5]", "{}", "NaN", "Infinity", "-Infinity",
             "1e400"]  # fmt: skip
NO_TARGETS = ["1", "true", "{}", '{"a": 1}', "[1]", "[null]", '["a", 1]', '[["a"]]', "[{}]", "1.5", "[true]", "[]", '""',
              '[""]', json.dumps(["a"] * 257), json.dumps(["a" * 65]), json.dumps("a" * 65), '["a\\u0000b"]',
              '["\\ud83d"]', "NaN"]  # fmt: skip
NO_TRUNCATIONS = ['"left"', '"RIGHT"', '"longest_first"', "1", "true", "[]", "{}", '""', "false"]
NO_PARAMETERS = ["1", "true", '"x"', "[]", "[{}]", "1.5", "false", '""']
NO_MASKED_TEXTS = ["", " ", "no mask", "[mask]", "[MASK", "MASK]", "< mask >", "[ MASK ]", "a\\u0000 [MASK]", "[MASK] \\u0000",
                "x" * 20_001, "[MASK]" * 17, "{mask}" * 17, "word " * 600 + "[MASK]", "\\u200b", "\\ufeff", "😀"]  # fmt: skip


def bodies() -> Iterator[Case]:
    """Bodies that are wrong."""
    yield from (_body("not JSON", body, 400) for body in NOT_JSON)
    yield from (_body("no request", body.encode(), 422) for body in OTHERS)
    for members in ("{}", '{"input": "[MASK]"}', '{"Inputs": "[MASK]"}', '{"inputs ": "[MASK]"}', '{"text": "[MASK]"}'):
        yield _body("no inputs", members.encode(), 422, "inputs: ")
    yield from _members('{"inputs": %s}', NO_TEXTS, "inputs")
    head = '{"inputs": "a [MASK]", "parameters": '
    yield from _members(head + '{"top_k": %s}}', NO_TOP_KS, "parameters.top_k")
    yield from _members(head + '{"targets": %s}}', NO_TARGETS, "parameters.targets")
    yield from _members(head + '{"truncation": %s}}', NO_TRUNCATIONS, "parameters.truncation")
    yield from _members(head + "%s}", NO_PARAMETERS, "parameters")
    yield from _members('{"inputs": "a [MASK]", "options": %s}', ["1", "true", '"x"', "[]", "1.5"], "options")
    yield from _members('{"inputs": "%s"}', NO_MASKED_TEXTS, "inputs")
    yield from _members('{"inputs": ["[MASK]", "%s"]}', NO_MASKED_TEXTS, "inputs[1]")
    yield _body("too many texts", json.dumps({"inputs": ["[MASK]"] * 33}).encode(), 422, "inputs: ")
    yield _body("too many masks", json.dumps({"inputs": ["[MASK]" * 13] * 5}).encode(), 422, "inputs: ")
    yield _body("twice", b'{"inputs": "[MASK]", "inputs": 1}', 422, "inputs: ")


def _members(form: str, values: list[str], field: str) -> Iterator[Case]:
    for value in values:
        # No parser takes numbers of thousands of digits; a lone surrogate is no character.
        wrong = 400 if (len(value) > 4300 and value.isdigit()) or "\\ud83d" in value else 422
        yield _body("wrong", (form % value).encode(), wrong, field if wrong == 422 else "")


def _headed(name: str, *headers: str, status: int, body: bytes = GOOD) -> Case:
    return Case(f"{name}: {headers}", request(body, *headers), frozenset({status}))


def headed() -> Iterator[Case]:
    """Headers that are wrong."""
    for kind in ("text/plain", "text/html", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                 "application/xml", "application/octet-stream", "image/png", "json", "application", "application/", "*/*",
                 "application/x-ndjson", "application/jsonx", "text/json;application/json", "é", "x" * 5000):  # fmt: skip
        yield _headed("content type", f"Content-Type: {kind}", status=415)
    yield Case("no content type", request(GOOD, typed=False), frozenset({415}))
    for coding in (
        "gzip",
        "deflate",
        "br",
        "zstd",
        "compress",
        "x-gzip",
        "gzip, identity",
        "identity, gzip",
        "nonsense",
        "",
    ):
        yield _headed("coding", "Content-Type: application/json", f"Content-Encoding: {coding}", status=415)
    hidden = ("0" * 11 + "19999999", "0" * 11 + "1" + "9" * 400, "0" * 11 + "1" + "9" * 4400)  # behind zeros
    for late in ("0", "-1", "60001", "1.5", "abc", "", "1e3", "9" * 400, "٣", "0x10", "1,1", "NaN", *hidden):
        case = _headed("timeout", "Content-Type: application/json", "x-request-timeout-ms: 1", status=422)
        sent = case.content.replace(b"timeout-ms: 1", b"timeout-ms: " + late.encode())
        yield Case(f"timeout: {late[:20]!r}, {len(late)} characters", sent, case.statuses, "x-request-timeout-ms")


def _line(line: str, *statuses: int) -> Case:
    return Case(f"request line: {line[:60]}", request(b"", line=line), frozenset(statuses))


def framed() -> Iterator[Case]:
    """Requests whose line, path or framing is wrong."""
    for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"):
        yield _line(f"{method} /predict HTTP/1.1", 405)
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        yield _line(f"{method} /health/live HTTP/1.1", 405)
        yield _line(f"{method} /metrics HTTP/1.1", 405)
    for path in ("/nope", "/predict/", "//", "/models/", "/models//", "/..", "/../etc/passwd", "/%00", "/%ff", "/%", "/%zz",
                 "/models/..%2f..%2fetc", "/static/x", "/.git/config", "/api/v1", "/health/", "/health/dead", "/Predict",
                 "/a" * 2000, "/;x", "/predict%20", "/predict%0d%0aX:%20y", "/hf-inference", "/pipeline/fill-mask",
                 "/pipeline/other/minilm-en", "/models/none", "/models/none/pipeline/fill-mask", "/wp-login.php"):  # fmt: skip
        yield _line(f"GET {path} HTTP/1.1", 404, 405)
        yield Case(f"POST {path[:50]}", request(GOOD, "Content-Type: application/json", line=f"POST {path} HTTP/1.1"),
                   frozenset({404, 405}))  # fmt: skip
    for line in ("", "GET", "GET / HTTP/", "GET / HTTP", "GET / HTTP/9.9", "GET / HTTP/1.1 x", "get / HTTP/1.1", "NOPE / HTTP/1.1",
                 "GET  / HTTP/1.1x", "G\x00T / HTTP/1.1", "POST / FTP/1.1", "PRI * HTTP/2.0", "GET é HTTP/1.1",
                 "GET http://[ HTTP/1.1", "CONNECT a:1 HTTP/1.1", "BREW /pot HTCPCP/1.0", "\x16\x03\x01\x02\x00\x01"):  # fmt: skip
        yield Case(f"line {line!r}", f"{line}\r\nHost: localhost\r\n\r\n".encode("latin-1"), frozenset({400}))
    for wrong in ("Content-Length: -1", "Content-Length: x", "Content-Length: 1e3", "Content-Length: 99999999999999999999",
                  "Content-Length: 5, 6", "Content-Length: +5", "Content-Length: 0x5", "Content-Length:", "No colon",
                  ": no name", "Space : x", "Transfer-Encoding: nonsense", "Bad\x00: x", "Bad: \x00", "Bad: a\x01b",
                  "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5\r\nTransfer-Encoding: chunked",
                  "Transfer-Encoding: chunked, identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"):  # fmt: skip
        content = f"POST / HTTP/1.1\r\nHost: localhost\r\n{wrong}\r\n\r\nabcde".encode("latin-1")
        yield Case(f"header {wrong!r}", content, frozenset({400}))
    for chunks in ("x\r\nabc\r\n", "-1\r\nabc\r\n", "3\r\nabcd\r\n", "fffffffffffffffff\r\na", "3;a=\x00\r\nabc\r\n0\r\n\r\n",
                   "\r\n", "3 3\r\nabc\r\n"):  # fmt: skip
        content = request(chunks.encode("latin-1"), "Transfer-Encoding: chunked", "Content-Type: application/json")
        yield Case(f"chunks {chunks!r}", content, frozenset({400}))


def oversized() -> Iterator[Case]:
    """Requests of which one thing is too large."""
    yield Case("headers too large", request(GOOD, "X: " + "y" * 20_000), frozenset({431}))
    yield Case(
        "too many headers", request(GOOD, *[f"X-{number}: {'y' * 90}" for number in range(300)]), frozenset({431})
    )
    yield Case("path too long", request(GOOD, line=f"POST /{'y' * 20_000} HTTP/1.1"), frozenset({431}))
    yield Case(
        "length too large", request(b"", "Content-Type: application/json", "Content-Length: 1048577"), frozenset({413})
    )
    yield Case(
        "length far too large",
        request(b"", "Content-Type: application/json", "Content-Length: 999999999999"),
        frozenset({413}),
    )
    many = b'{"inputs":[' + b"1," * 20_000 + b"1]}"
    yield Case("too many values", request(many, "Content-Type: application/json"), frozenset({413}))
    yield Case("body too large", request(b'"' * 1_100_000, "Content-Type: application/json"), frozenset({413}))


ALL = [*bodies(), *headed(), *framed(), *oversized()]
