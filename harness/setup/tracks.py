"""Tracks: the variants of one are ranked against each other."""

from __future__ import annotations

from typing import Literal, get_args

Track = Literal["default", "matched", "tuned", "pattern", "functions"]
PATTERN: Track = "pattern"  # of ways to serve other than a service that predicts on each request
FUNCTIONS: Track = "functions"  # of instances that a service starts as requests come
TRACKS: tuple[Track, ...] = get_args(Track)
