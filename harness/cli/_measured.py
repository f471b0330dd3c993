"""A campaign of points, measured to its end: what `sweep` and `scale` have in common."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from harness.base.errors import EXIT_INTERRUPTED
from harness.cli import _say

if TYPE_CHECKING:
    from harness.measure.campaign.campaign import CampaignOrder
    from harness.stored.records import Run


def runs_of(request: CampaignOrder) -> list[Run]:
    """Its runs, with their progress shown; where a signal comes, the command ends with what is
    stored."""
    from harness.cli import _progress
    from harness.measure.campaign import campaign

    observer = _progress.observer()
    try:
        return campaign.run(request, observer)
    except KeyboardInterrupt:
        observer.close()
        _say.line("Interrupted. Finished runs are stored.", err=True)
        sys.exit(EXIT_INTERRUPTED)
    finally:
        observer.close()
