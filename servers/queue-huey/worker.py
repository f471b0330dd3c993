"""A worker: Huey's consumer with one thread, and the predictor."""

from __future__ import annotations

from job_work import perform, too_often
from records import Records
from serving import load_predictor
from tasks import huey, work

predictor = load_predictor()
records = Records()


def do(name: str) -> None:
    runs, payload = records.begin(name)
    if runs > 0:
        records.finish(name, too_often(runs) or perform(predictor.predict, [payload])[0])


work.append(do)
huey.storage.put_back()
# SQLite can't wake anybody, so that the table is looked at again and again: after 10 ms each time.
# By default that grows to 10 s, which a caller who waits would feel.
huey.create_consumer(
    workers=1, periodic=False, initial_delay=0.01, backoff=1.0, max_delay=0.01
).run()
