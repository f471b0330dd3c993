"""Why requests failed, in more detail than `samples.ERRORS`.

The measuring half counts causes, the reporting half says them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.base.secrecy import forms

SAID_CHARACTERS = 200  # of a server's own words that are kept
_SHORT = 80  # of them, where a sentence quotes them
_SECRET_CHARACTERS = 6  # a shorter word stands in texts by chance
_MOST = 4  # kinds of an error that a sentence names
_HIDDEN = "***"
_CUT = "…"

# Remedies that are the same for every user.
HINTS = {
    "no descriptors": "raise it with ulimit -n",
    "no ports left": "see net.ipv4.ip_local_port_range",
    "certificate": "--cacert FILE trusts another issuer, --insecure any",
    "client certificate": "give --cert and --key",
    "no TLS": "possibly the server speaks http://",
    "no answer to the TLS handshake": "possibly the server speaks http://",
    "closed after the handshake": "possibly the server wants a client certificate (--cert)",
    "closed without an answer": "possibly the server speaks https://",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why so many requests of a window failed."""

    error: str  # as in samples.ERRORS
    kind: str  # such as `refused`; of `status` the code
    count: int
    said: str = ""  # the first one's own words: of the system, or the beginning of the body
    location: str = ""  # where the first one was sent on to, by a 3xx


def merged(parts: Iterable[Cause]) -> tuple[Cause, ...]:
    """One for each kind, the most frequent first; the words are of the first that has any."""
    first: dict[tuple[str, str], Cause] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for part in parts:
        key = (part.error, part.kind)
        counts[key] += part.count
        known = first.setdefault(key, part)
        if not known.said and part.said:
            first[key] = part
    return tuple(replace(first[key], count=count) for key, count in counts.most_common())


def printable(text: str | bytes, most: int = SAID_CHARACTERS) -> str:
    """The beginning of a server's words on one line: nothing in it moves a cursor."""
    if isinstance(text, bytes):
        text = text[: 4 * most].decode(errors="replace")
    words = " ".join(text.split())
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in words)
    return shown if len(shown) <= most else shown[: most - 1] + _CUT


def without_secrets(causes: Iterable[Cause], values: Iterable[str]) -> tuple[Cause, ...]:
    """The causes, where a server repeats what is in a header, without that."""
    found = {form for v in values for word in (v, *v.split()) for form in forms(word)}
    words = [word for word in found if len(word) >= _SECRET_CHARACTERS]
    words.sort(key=len, reverse=True)

    def hide(text: str) -> str:
        for word in words:
            text = _without_cut(text.replace(word, _HIDDEN), word)
        return text

    return tuple(replace(c, said=hide(c.said), location=hide(c.location)) for c in causes)


def _without_cut(text: str, word: str) -> str:
    """The text without the beginning of a word that its own end has cut off."""
    bare = text.removesuffix(_CUT)
    for size in range(min(len(word) - 1, len(bare)), 0 if text != bare else len(word), -1):
        if bare.endswith(word[:size]):
            return f"{bare[:-size]}{_HIDDEN}{_CUT}"
    return text


def told(counts: Mapping[str, int], causes: Sequence[Cause]) -> str:
    """So many failed by each error, and why, as far as known: `2 connect (refused)`."""
    return ", ".join(_told(error, count, causes) for error, count in counts.items())


def _told(error: str, count: int, causes: Sequence[Cause]) -> str:
    mine = [cause for cause in causes if cause.error == error]
    if not mine:
        return f"{count} {error}"
    if len(mine) == 1 and mine[0].count == count:
        return f"{count} {error} ({_shown(mine[0])})"
    shown = [f"{cause.count} {_shown(cause)}" for cause in mine[:_MOST]]
    rest = count - sum(cause.count for cause in mine[:_MOST])
    return f"{count} {error} ({'; '.join([*shown, *([f'{rest} others'] if rest > 0 else [])])})"


def _shown(cause: Cause) -> str:
    shown = cause.kind
    if cause.location:
        shown += f" to {printable(cause.location, _SHORT)}"
    if cause.said and cause.error == "status":
        shown += f" {printable(cause.said, _SHORT)!r}"
    elif cause.said:
        shown += f": {printable(cause.said)}"
    hint = HINTS.get(cause.kind)
    return f"{shown}; {hint}" if hint else shown
