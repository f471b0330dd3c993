"""Removes what a harness that is gone made in a cluster, even one that was killed.

Its standard input ends with the harness, and says before that if the harness itself has removed
what it made. Beside the removal by the next command, which finds what is left where this process
was killed too.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time

_MOST_TRIES = 60
_BETWEEN_S = 1.0
_GOES_ON_S = 2.0  # of one that was killed, the API server may be making something still


def main(context: str, name: str, is_own: str, owner: str) -> None:
    """Wait for the end of the owner, then clear up after it."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read():
        return

    from harness.base.errors import HarnessError
    from harness.measure.launch.kubernetes import cordons, kubeconfig
    from harness.measure.launch.kubernetes.campaign_namespace import CampaignNamespace

    left = CampaignNamespace(name=name, is_own=is_own == "own", owner=owner)
    time.sleep(_GOES_ON_S)
    for _ in range(_MOST_TRIES):
        with contextlib.suppress(HarnessError, OSError):
            cluster = kubeconfig.connect(context)
            list(cordons.taken_off(cluster, owner))
            left.remove(cluster)
            cluster.close()
            return
        time.sleep(_BETWEEN_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
