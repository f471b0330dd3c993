"""A worker: Celery's, in this process itself, as it has one job at a time and the predictor."""

from __future__ import annotations

import os

from job_records import Records
from job_work import perform, too_often
from serving import load_predictor
from tasks import TASK, app

predictor = load_predictor()
records = Records(os.environ["QUEUE_URL"])


@app.task(name=TASK)
def predict(name: str, payload: str) -> None:
    runs = records.begin(name)
    if runs < 0:  # it has ended already: Celery delivers again what was not acknowledged in time
        return
    outcome = too_often(runs) or perform(predictor.predict, [payload.encode()])[0]
    records.finish(name, outcome)


app.worker_main(
    [
        *("worker", "--pool", "solo", "--concurrency", "1", "--loglevel", "WARNING"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        *("--hostname", f"worker-{os.environ['QUEUE_WORKER']}@localhost"),
    ]
)
