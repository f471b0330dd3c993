"""Events of a function URL, whose payload format 2.0 is also API Gateway's, and the HTTP answers
that are made of what a handler returns.

Format: docs.aws.amazon.com/lambda, "Invoking Lambda function URLs".
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from typing import Any
from urllib.parse import parse_qsl

from harness.measure.launch.functions.http_server import Incoming

REGION = "eu-central-1"
ACCOUNT = "123456789012"
_API = "harnessfunctionurl"
_DOMAIN = f"{_API}.lambda-url.{REGION}.on.aws"
_TEXT = ("text/", "application/json", "application/javascript", "application/xml")
_JSON = ("content-type", "application/json")
_NEVER = ("connection", "content-length", "keep-alive", "transfer-encoding")  # the front's own


def arn(name: str) -> str:
    """The name that the function has in a runtime's headers."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def of_request(exchange: Incoming, request_id: str) -> dict[str, Any]:
    """The event of an HTTP request."""
    path, _, query = exchange.target.decode("latin-1").partition("?")
    headers, cookies = _headers(exchange.headers)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": _context(exchange.method, path, headers, request_id),
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = _joined(parse_qsl(query, keep_blank_values=True))
    if exchange.body:
        event["body"], event["isBase64Encoded"] = _body(
            exchange.body, headers.get("content-type", "")
        )
    return event


def answer(result: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    """(status, headers, body) of what a handler returned. Raises ValueError where that is no
    JSON, or says things that no HTTP answer can."""
    found = json.loads(result)
    if not isinstance(found, dict) or "statusCode" not in found:
        return 200, [_JSON], result
    status = int(found["statusCode"])
    if not 200 <= status <= 599:
        raise ValueError(f"an answer can't have the status {status}")
    headers = [
        (str(name).lower(), _on_one_line(value))
        for name, value in (found.get("headers") or {}).items()
        if str(name).lower() not in _NEVER
    ]
    headers += [("set-cookie", _on_one_line(each)) for each in found.get("cookies") or ()]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(_JSON)
    return status, headers, _answered(found)


def _answered(found: dict[str, Any]) -> bytes:
    body = found.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return json.dumps(body).encode()
    if not found.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def _headers(given: list[tuple[str, str]]) -> tuple[dict[str, str], list[str]]:
    cookies = [
        each.strip() for name, value in given if name == "cookie" for each in value.split(";")
    ]
    return _joined([(n, v) for n, v in given if n != "cookie"]), cookies


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Each name once, with all its values."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _context(method: str, path: str, headers: dict[str, str], request_id: str) -> dict[str, Any]:
    now = time.time()
    return {
        "accountId": "anonymous",
        "apiId": _API,
        "domainName": _DOMAIN,
        "domainPrefix": _API,
        "http": {
            "method": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "timeEpoch": int(now * 1000),
    }


def _body(body: bytes, content_type: str) -> tuple[str, bool]:
    """(the body as text; whether that is base64)."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith(_TEXT) or kind.endswith(("+json", "+xml")):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def _on_one_line(value: object) -> str:
    """A header's value; a line's end in it would begin another header."""
    return " ".join(str(value).splitlines())
