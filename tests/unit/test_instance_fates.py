"""What became of instances, by the front's log."""

from __future__ import annotations

from pathlib import Path

from harness.measure.cell import instance_fates
from harness.stored.functions import EXITED, INIT_FAILED, OUT_OF_MEMORY, TIMED_OUT, Lost

MEMORY = "Runtime exited with error: signal: killed: out of memory, an instance may use 512 MB"
LOG = f"""listening
INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout
instance 1: Sandbox.Timedout: Initialisation timed out after 10.00 seconds
INIT_REPORT Init Duration: 30000.00 ms\tPhase: invoke\tStatus: timeout
instance 1: Sandbox.Timedout: Initialisation timed out after 30.00 seconds
instance 2: Runtime.OutOfMemory: {MEMORY}
REPORT RequestId: a\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 512 MB
RequestId: b Error: Task timed out after 3.00 seconds
RequestId: c Error: {MEMORY}
RequestId: d Error: Runtime exited with error: exit status 3
RequestId: e Error: Runtime exited without providing a reason
a handler's own words: out of memory
RequestId: f Error: 'instances'
"""


def test_each_lost_instance_is_counted_once(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text(LOG)
    found = {lost.fate: lost for lost in instance_fates.of_log(log)}
    assert found == {
        INIT_FAILED: Lost(
            fate=INIT_FAILED, count=1, said="Initialisation timed out after 30.00 seconds"
        ),
        OUT_OF_MEMORY: Lost(fate=OUT_OF_MEMORY, count=2, said=MEMORY),
        TIMED_OUT: Lost(fate=TIMED_OUT, count=1, said="Task timed out after 3.00 seconds"),
        EXITED: Lost(fate=EXITED, count=2, said="Runtime exited without providing a reason"),
    }


def test_without_a_log_nothing_is_known(tmp_path: Path) -> None:
    assert instance_fates.of_log(tmp_path / "none") == ()
