"""`python -m harness`."""

import os
import signal


def _too_soon(*_: object) -> None:
    os.write(2, b"Interrupted.\n")
    os._exit(130)  # nothing has begun; to import the rest takes long enough to be interrupted


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _too_soon)
    from harness.cli import main

    main()
