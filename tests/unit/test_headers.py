"""Headers that a user gives, and that no secret is stored."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.measure import headers


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "sesame: open")
    given = headers.given(["Authorization: Bearer $TOKEN", "X-Tenant:a", "Price: $$5"])
    assert given["Authorization"] == "Bearer $TOKEN"
    assert headers.filled(given) == {
        "Authorization": "Bearer sesame: open",
        "X-Tenant": "a",
        "Price": "$5",
    }


@pytest.mark.parametrize("text", ["", "Authorization", ": x", "  : x"])
def test_what_is_no_header(text: str) -> None:
    with pytest.raises(UsageError, match="is not a header of the form"):
        headers.given([text])


@pytest.mark.parametrize("name", ["Authorization", "X-Api-Key", "cookie", "X-TOKEN"])
def test_a_secret_is_refused_where_it_would_be_stored(name: str) -> None:
    with pytest.raises(UsageError, match=r"Put it into an environment variable") as caught:
        headers.require_no_secret({name: "sesame"})
    assert "sesame" not in str(caught.value)
    headers.require_no_secret({name: "$TOKEN", "Accept": "x"})


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    with pytest.raises(UsageError, match="needs the variable 'TOKEN'"):
        headers.filled({"Authorization": "$TOKEN"})
    with pytest.raises(UsageError, match="a lone"):
        headers.filled({"Price": "5 $"})
