"""The predictors' records of pods: by a program in them, or from this machine's own files."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from harness.base.errors import LaunchError
from harness.measure.launch.kubernetes import pod_records
from harness.measure.launch.kubernetes.pod_exec import Conversation
from harness.measure.launch.kubernetes.pod_records import PodRecords
from harness.measure.launch.kubernetes.record_folders import RecordFolder
from harness.stored.clocks import SAME_CLOCK
from harness.stored.pods import PodShare
from tests.pods import LocalPrograms, LocalSocket


def call(start: int, batch: int = 1) -> bytes:
    return np.array([start, 5, batch, 3], np.int64).tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "calls"
    made.mkdir()
    (made / "model-7.bin").write_bytes(call(100) + call(200))
    (made / "threads-7").write_text("3")
    (made / "payloads.jsonl").write_text("x" * 1000)
    return made


def test_they_are_fetched_by_a_program_and_only_what_is_new(folder: Path) -> None:
    programs = LocalPrograms()
    records = PodRecords(programs, sys.executable, str(folder))  # type: ignore[arg-type]
    records.read("p-1")
    found = records.all()
    assert found.between(100, 300).start_ns.tolist() == [0, 100]
    assert found.threads == (3,)
    assert found.clock == SAME_CLOCK
    with (folder / "model-7.bin").open("ab") as file:
        file.write(call(300)[:9])
    records.read("p-1")  # a record that is being written
    assert len(records.all().between(0, 300).start_ns) == 2
    with (folder / "model-7.bin").open("ab") as file:
        file.write(call(300)[9:])
    (folder / "model-9.bin").write_bytes(call(250, batch=4))
    records.read("p-1")
    assert records.all().between(0, 300).batch.tolist() == [1, 1, 4, 1]
    assert records.all().latest() == [7, 9]
    assert programs.begun == 3
    assert records.clock_off_s() == 0.0


def test_what_was_fetched_of_a_pod_that_is_gone_stays(folder: Path) -> None:
    programs = LocalPrograms()
    records = PodRecords(programs, sys.executable, str(folder))  # type: ignore[arg-type]
    records.read("p-1")
    (folder / "model-7.bin").write_bytes(call(150))  # of the pod that took its place
    records.read("p-2")
    programs.gone |= {"p-1", "p-2"}
    with pytest.raises(LaunchError, match="in the pod p-1: not found"):
        records.read("p-1")
    records.read_gone("p-2")
    assert records.shares(0, 199) == (PodShare(pod="p-1", calls=1), PodShare(pod="p-2", calls=1))
    assert len(records.all().between(0, 1000).start_ns) == 3


def test_on_this_machine_they_are_read_without_a_program_even_after_the_pod(folder: Path) -> None:
    programs = LocalPrograms()
    records = PodRecords(programs, "python", str(folder))  # type: ignore[arg-type]
    records.is_here("p-1", os.getpid())
    records.read("p-1")
    writing = (folder / "model-7.bin").open("ab")
    shutil.rmtree(folder)
    with writing:
        writing.write(call(300))
    records.read("p-1")
    assert len(records.all().between(0, 1000).start_ns) == 3
    assert programs.begun == 0
    records.close()
    assert len(records.all().between(0, 1000).start_ns) == 3


def test_an_image_of_the_user_s_has_no_records(folder: Path) -> None:
    programs = LocalPrograms()
    records = PodRecords(programs, "", str(folder))  # type: ignore[arg-type]
    records.is_here("p-1", os.getpid())
    records.read("p-1")
    assert records.all().processes == ()
    assert programs.begun == 0


def test_a_folder_is_read_without_following_where_a_server_leads(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 64)
    folder = tmp_path / "calls"
    folder.mkdir()
    (folder / "model-1.bin").symlink_to(secret)
    os.mkfifo(folder / "model-2.bin")
    (folder / "job-3.json").write_text("one")
    known: dict[str, bytes] = {}
    seen = RecordFolder(os.getpid(), str(folder))
    seen.read(known)
    assert known == {"job-3.json": b"one"}
    (folder / "new").write_text("two")
    (folder / "new").replace(folder / "job-3.json")
    seen.read(known)
    assert known == {"job-3.json": b"two"}
    seen.close()
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        RecordFolder(os.getpid(), str(tmp_path / "link"))


def test_a_program_that_ends_or_says_nonsense_is_a_sentence(folder: Path) -> None:
    command = (sys.executable, "-c", "import sys; sys.exit('no such folder')")
    socket = LocalSocket(command)
    with pytest.raises(LaunchError, match=r"in the pod p-1 ended: no such folder\."):
        Conversation(socket, "p-1").line()
    socket.close()
    socket = LocalSocket((sys.executable, "-c", "print('what?'); input()"))
    with pytest.raises(LaunchError, match="A pod's records can't be read: 'what"):
        pod_records._fetch(Conversation(socket, "p-1"), {})
    socket.close()


def test_a_program_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def update(self, timeout: float) -> None:
            time.sleep(min(timeout, 0.01))

        def read_channel(self, _: int) -> bytes:
            return b""

        def is_open(self) -> bool:
            return True

    monkeypatch.setattr("harness.measure.launch.kubernetes.pod_exec._LIMIT_S", 0.05)
    with pytest.raises(LaunchError, match=r"in the pod p-1 did not answer in 0\.05 s"):
        Conversation(Silent(), "p-1").bytes(3)
