"""The least that Lambda's Runtime API asks of a runtime: `python runtime.py MODULE.FUNCTION`."""

from __future__ import annotations

import http.client
import importlib
import json
import os
import sys
from typing import Any

PREFIX = "/2018-06-01/runtime"


class Api:
    """The Runtime API of this instance, on one connection."""

    def __init__(self) -> None:
        self._connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def next(self) -> tuple[str, bytes]:
        """(request id, event) of the next invocation."""
        self._connection.request("GET", f"{PREFIX}/invocation/next")
        reply = self._connection.getresponse()
        return reply.headers["Lambda-Runtime-Aws-Request-Id"], reply.read()

    def tell(self, path: str, body: bytes, error: str = "") -> None:
        headers = {"Lambda-Runtime-Function-Error-Type": error} if error else {}
        self._connection.request("POST", f"{PREFIX}/{path}", body, headers)
        self._connection.getresponse().read()


def failure(error: BaseException) -> tuple[bytes, str]:
    kind = type(error).__name__
    told = {"errorMessage": str(error), "errorType": kind, "stackTrace": []}
    return json.dumps(told).encode(), kind


def encoded(result: Any) -> bytes:
    return result if isinstance(result, bytes) else json.dumps(result).encode()


def main() -> None:
    api = Api()
    module, _, name = sys.argv[1].rpartition(".")
    try:
        handler = getattr(importlib.import_module(module), name)
    except Exception as error:
        api.tell("init/error", *failure(error))
        sys.exit(1)
    while True:
        request_id, event = api.next()
        try:
            result = encoded(handler(json.loads(event), None))
        except Exception as error:
            api.tell(f"invocation/{request_id}/error", *failure(error))
        else:
            api.tell(f"invocation/{request_id}/response", result)


if __name__ == "__main__":
    main()
