"""Stored campaigns as pandas data frames, for notebooks; pandas comes with the extra `frames`.

    from harness import frames
    frames.campaigns()                          one row a stored campaign
    frames.metrics("20260102-030405")           one row a run and metric
    frames.requests("20260102-030405", "mosec") one row a request
    frames.calls("20260102-030405", "mosec")    one row a call of the predictor
    frames.chunks("20260102-030405", "mosec")   one row a piece of content in an answer
    frames.marks("20260102-030405", "mosec")    one row a thing that an answer told of its request
    frames.invocations("20260102-030405", "lambda-handler")  one row a request to a function

A campaign is given by its name, or by the path of its folder. A campaign or a variant that is not
there raises UsageError, with the nearest name. A damaged run has no rows, and a DamagedWarning
names it. What is not known is NaN or <NA>, never zero. docs/notebook.md walks through them.
"""

from harness.frames.common import DamagedWarning  # first: it says where pandas is missing
from harness.frames.numbers import campaigns, metrics
from harness.frames.windows import calls, chunks, invocations, marks, requests

__all__ = [
    "DamagedWarning",
    "calls",
    "campaigns",
    "chunks",
    "invocations",
    "marks",
    "metrics",
    "requests",
]
