"""SLOs as people write them."""

from __future__ import annotations

import pytest

from harness.base.errors import UsageError
from harness.setup.slo import Slo, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p99<50ms", Slo(0.99, 50_000_000, 0.001)),
        (" P99.9 < 1.5 s ", Slo(0.999, 1_500_000_000, 0.001)),
        ("p50<800us, errors<2%", Slo(0.5, 800_000, 0.02)),
        ("errors<0.5%,p95<250ms", Slo(0.95, 250_000_000, 0.005)),
    ],
)
def test_understood(text: str, expected: Slo) -> None:
    found = parse(text)
    assert (found.share, found.limit_ns, found.errors) == pytest.approx(
        (expected.share, expected.limit_ns, expected.errors)
    )
    assert parse(str(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fast",
        "p99<50",
        "p99>50ms",
        "p100<50ms",
        "p0<50ms",
        "p99<0ms",
        "errors<1%",
        "p99<50ms,p50<1ms",
        "p99<50ms,errors<100%",
        "p99<50ms,errors<0%",
        "p99<50ms;rm",
    ],
)
def test_misread(text: str) -> None:
    with pytest.raises(UsageError, match="Write for example p99<50ms"):
        parse(text)
