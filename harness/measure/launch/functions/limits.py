"""Lambda's limits, and what the service says of them."""

from __future__ import annotations

import json
import math

from harness.measure.launch.functions.instance_places import InstanceEnd
from harness.measure.launch.functions.invocation import Invocation, InvocationFailure

MOST_REQUEST_BYTES = 6 * (1 << 20)  # of an event
MOST_RESPONSE_BYTES = MOST_REQUEST_BYTES + 100  # of a result
TOO_LARGE = (
    f"Request must be smaller than {MOST_REQUEST_BYTES} bytes for the InvokeFunction operation"
)
OUT_OF_MEMORY, TIMED_OUT = "Runtime.OutOfMemory", "Sandbox.Timedout"  # kinds of failures
_SIGNALS = {-9: "killed", -11: "segmentation fault", -6: "aborted", -15: "terminated"}
_MIB = 1 << 20


def error_type(name: str) -> tuple[str, str]:
    """The header that names an error of the service."""
    return ("x-amzn-errortype", name)


def of_user(message: str, **more: str) -> bytes:
    """The body of an answer that refuses a request."""
    return json.dumps({**more, "Type": "User", "message": message}).encode()


def throttled() -> bytes:
    """The body of an answer to a request that is beyond the limit of instances."""
    reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
    return of_user("Rate Exceeded.", Reason=reason)


def timed_out(seconds: float) -> InvocationFailure:
    """An invocation that took too long."""
    return InvocationFailure(kind=TIMED_OUT, message=f"Task timed out after {seconds:.2f} seconds")


def init_timed_out(seconds: float) -> InvocationFailure:
    """An initialisation that took too long, the second time."""
    return InvocationFailure(
        kind=TIMED_OUT, message=f"Initialisation timed out after {seconds:.2f} seconds"
    )


def exited(ended: InstanceEnd, memory_mib: int) -> InvocationFailure:
    """An instance whose process is gone before it had a result."""
    if ended.out_of_memory:
        return InvocationFailure(
            kind=OUT_OF_MEMORY,
            message="Runtime exited with error: signal: killed: out of memory, an instance may use "
            f"{memory_mib} MB",
        )
    if ended.code == 0:
        return InvocationFailure(
            kind="Runtime.ExitError", message="Runtime exited without providing a reason"
        )
    if ended.code is None:
        said = "unknown"
    elif ended.code < 0:
        said = f"signal: {_SIGNALS.get(ended.code, -ended.code)}"
    else:
        said = f"exit status {ended.code}"
    return InvocationFailure(kind="Runtime.ExitError", message=f"Runtime exited with error: {said}")


def payload(failure: InvocationFailure, request_id: str) -> bytes:
    """The payload of an answer of the Invoke API that says so."""
    if failure.payload:
        return failure.payload
    said = f"RequestId: {request_id} Error: {failure.message}"
    return json.dumps({"errorType": failure.kind, "errorMessage": said}).encode()


def billed_ms(duration_ns: int, init_ns: int) -> int:
    """What is charged: the invocation and its initialisation, the latter since August 2025."""
    return math.ceil((duration_ns + init_ns) / 1e6)


def report(
    done: Invocation,
    *,
    duration_ns: int,
    init_ns: int,
    memory_mib: int,
    failure: InvocationFailure | None,
) -> str:
    """The line that the service writes of each invocation."""
    init = f"\tInit Duration: {init_ns / 1e6:.2f} ms" if init_ns else ""
    wrong = f"\tStatus: error\tError Type: {failure.kind}" if failure else ""
    if failure is not None and failure.kind == TIMED_OUT:
        wrong = "\tStatus: timeout"
    return (
        f"REPORT RequestId: {done.request_id}\tDuration: {duration_ns / 1e6:.2f} ms"
        f"\tBilled Duration: {done.billed_ms} ms\tMemory Size: {memory_mib} MB"
        f"\tMax Memory Used: {math.ceil(done.peak_bytes / _MIB)} MB{init}{wrong}\n"
    )


def init_report(init_ns: int, attempt: int, failure: InvocationFailure) -> str:
    """The line of an initialisation that failed."""
    phase = "init" if attempt == 1 else "invoke"
    timed_out = failure.kind == TIMED_OUT
    status = "timeout" if timed_out else f"error\tError Type: {failure.kind}"
    return f"INIT_REPORT Init Duration: {init_ns / 1e6:.2f} ms\tPhase: {phase}\tStatus: {status}\n"
