"""The native driver beside wrk and Locust, against nginx, in one run, alternating.

    python scripts/bench_driver.py [--rounds 5] [--seconds 4]

nginx answers a fixed 40-byte JSON body on one core; the generators take turns on another. Needs
nginx and wrk (Debian: apt-get install nginx-light wrk); Locust is installed into an environment of
its own. Prints the rates, their ratios round by round, and the open loop's send lag; then the same
driver over gRPC, against the same nginx answering five bytes over HTTP/2.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np

from harness.base import paths
from harness.measure.launch.launchers.ports import free_ports
from harness.measure.load.generator.job import Job, Target
from harness.measure.load.generator.pool import Generator, requests_of
from harness.measure.prepare.environments import index_options, uv
from harness.measure.talk.target import rpc_target, target
from harness.measure.watch.host import split_cpus
from harness.measure.watch.moment import Moment
from harness.protocols import Message
from harness.windows.profiles import Profile, due_times

LOCUST = "locust==2.47.0"
BODY = b'{"text": "a small sentence to classify"}'
ANSWER = '{"label": "positive", "score": 0.98765}\\n'
CONNECTIONS = 32
OPEN_RATE = 5000.0
RPC_RATE = 1000.0

NGINX = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port} backlog=4096;
    location / {{ default_type application/json; return 200 '{answer}'; }} }}
  server {{ listen 127.0.0.1:{rpc_port} http2 backlog=4096; root {folder};
    location / {{ default_type application/grpc; add_trailer grpc-status 0 always;
      error_page 405 =200 /answer; try_files /answer =404; }} }}
}}
"""
WRK = """wrk.method = "POST"
wrk.body = '{body}'
wrk.headers["Content-Type"] = "application/json"
"""
LOCUSTFILE = """from locust import FastHttpUser, constant, task

class User(FastHttpUser):
    wait_time = constant(0)

    @task
    def predict(self):
        self.client.post("/predict", data={body!r}, headers={{"Content-Type": "application/json"}})
"""


@contextmanager
def nginx(folder: Path, cpu: int) -> Iterator[tuple[str, str]]:
    """A running nginx, pinned; its URLs for HTTP and for gRPC."""
    port, rpc_port = free_ports(2)
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, rpc_port=rpc_port, answer=ANSWER))
    (folder / "answer").write_bytes(b"\0\0\0\0\5right")  # one message of gRPC
    folder.chmod(0o755)
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise SystemExit("nginx is missing; on Debian: apt-get install nginx-light")
    server = subprocess.Popen([program, "-e", "stderr", "-c", config])
    os.sched_setaffinity(server.pid, {cpu})
    url = f"http://127.0.0.1:{port}/predict"
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                assert httpx.post(url, content=BODY, trust_env=False).status_code == 200
                break
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        for child in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split():
            os.sched_setaffinity(int(child), {cpu})
        yield url, f"http://127.0.0.1:{rpc_port}"
    finally:
        server.terminate()
        server.wait()


def http_target(url: str) -> Target:
    return target(url, [Message(BODY)], (("Content-Type", "application/json"),))


def grpc_target(url: str) -> Target:
    return rpc_target(url, [Message(BODY)], (), "/some.Service/Predict")


def closed_rate(generator: Generator, goal: Target, seconds: float) -> float:
    """Our closed loop: answered requests a second, every stamp recorded."""
    order = np.zeros(1024, np.int64)
    job = Job(
        target=goal,
        start_ns=0,
        duration_ns=int(seconds * 1e9),
        payload=order,
        due_ns=None,
        concurrency=CONNECTIONS,
        limit=None,
        timeout_ns=10**10,
        keep_every=0,
    )
    requests = requests_of(generator.fire(job))
    assert requests.ok.all()
    assert goal.method or (requests.first_byte_ns > 0).all()
    return len(requests) / seconds


def open_lag(
    generator: Generator, goal: Target, rate: float, seconds: float, seed: int
) -> dict[str, float]:
    """Our open loop: send lag in microseconds, and the generator's share of a core."""
    due = due_times(Profile("open", "poisson", seconds, rate_per_s=rate), seed)
    job = Job(
        target=goal,
        start_ns=0,
        duration_ns=int(seconds * 1e9),
        payload=np.zeros_like(due),
        due_ns=due,
        concurrency=CONNECTIONS,
        limit=None,
        timeout_ns=10**10,
        keep_every=0,
    )
    before = Moment.now()
    fired = generator.fire(job)
    stolen = before.stolen_until(Moment.now()) or 0.0
    requests = requests_of(fired)
    assert requests.ok.all()
    lag = requests.lag_ns() / 1e3
    p50, p99 = np.percentile(lag, [50, 99])
    return {
        "p50": float(p50),
        "p99": float(p99),
        "max": float(lag.max()),
        "cpu": fired.cpu_s / seconds,
        "steal": stolen,
    }


def wrk_rate(folder: Path, url: str, seconds: float, cpu: int) -> float:
    """wrk with one thread and the same connections."""
    script = folder / "post.lua"
    script.write_text(WRK.format(body=BODY.decode()))
    command = [
        "taskset",
        "-c",
        str(cpu),
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds:g}s",
        "-s",
        str(script),
        url,
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    line = next(line for line in said.splitlines() if line.startswith("Requests/sec"))
    return float(line.split()[1])


def locust_environment() -> Path:
    """The Python of an environment with Locust in it, made once."""
    folder = paths.cache_dir() / "environments" / LOCUST
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        uv(LOCUST, "venv", "--clear", "--no-project", str(folder))
        uv(LOCUST, "pip", "install", "--python", str(python), *index_options(None), LOCUST)
        (folder / "complete").touch()
    return python


def locust_rate(folder: Path, python: Path, url: str, seconds: float, cpu: int) -> float:
    """Locust's FastHttpUser in one process, as many users as connections."""
    file = folder / "locustfile.py"
    file.write_text(LOCUSTFILE.format(body=BODY.decode()))
    host = url.removesuffix("/predict")
    command = [
        "taskset",
        "-c",
        str(cpu),
        str(python),
        "-m",
        "locust",
        "-f",
        str(file),
        "--headless",
        "--host",
        host,
        "-u",
        str(CONNECTIONS),
        "-r",
        str(CONNECTIONS),
        "-t",
        f"{int(seconds)}s",
        "--json",
        "--only-summary",
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
    stats = json.loads(said.stdout[said.stdout.index("[") :])[0]
    assert stats["num_failures"] == 0
    return float(stats["num_requests"]) / (stats["last_request_timestamp"] - stats["start_time"])


def report(name: str, values: list[float], unit: str = "/s") -> None:
    """Median and range of a row."""
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{name:<34} {middle:>10,.2f} {unit:<4} [{low:,.2f} to {high:,.2f}]")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args()
    (server_cpu, *_), (cpu, *_) = split_cpus()
    python = locust_environment()
    rates: dict[str, list[float]] = {"native": [], "wrk": [], "locust": [], "rpc": []}
    lags, rpc_lags = [], []
    with (
        tempfile.TemporaryDirectory() as name,
        nginx(Path(name), server_cpu) as (url, rpc_url),
        Generator([cpu]) as generator,
    ):
        folder, seconds = Path(name), options.seconds
        over_http, over_grpc = http_target(url), grpc_target(rpc_url)
        turns = {
            "native": lambda: closed_rate(generator, over_http, seconds),
            "wrk": lambda: wrk_rate(folder, url, seconds, cpu),
            "locust": lambda: locust_rate(folder, python, url, seconds, cpu),
            "rpc": lambda: closed_rate(generator, over_grpc, seconds),
        }
        closed_rate(generator, over_http, 1.0)
        for number in range(options.rounds):
            for turn in turns if number % 2 == 0 else reversed(turns):
                rates[turn].append(turns[turn]())
            lags.append(open_lag(generator, over_http, OPEN_RATE, seconds, number))
            rpc_lags.append(open_lag(generator, over_grpc, RPC_RATE, seconds, number))
    print(
        f"closed loop, {CONNECTIONS} connections, {options.rounds} rounds of "
        f"{options.seconds:g} s: median [least to most]"
    )
    report("native driver", rates["native"])
    report("wrk, one thread", rates["wrk"])
    report("Locust FastHttpUser, one process", rates["locust"])
    report("native / wrk", ratios(rates["native"], rates["wrk"]), "")
    report("native / Locust", ratios(rates["native"], rates["locust"]), "")
    report("native driver over gRPC", rates["rpc"])
    report_lags(f"open loop, Poisson, {OPEN_RATE:g}/s", lags)
    report_lags(f"open loop over gRPC, Poisson, {RPC_RATE:g}/s", rpc_lags)


def ratios(ours: list[float], theirs: list[float]) -> list[float]:
    """Round by round."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def report_lags(title: str, lags: list[dict[str, float]]) -> None:
    """Rows of one open loop."""
    print(title)
    for key, unit in (("p50", "us"), ("p99", "us"), ("max", "us"), ("cpu", "core"), ("steal", "")):
        name = {"cpu": "generator CPU", "steal": "host steal share"}.get(key, f"send lag {key}")
        report(name, [lag[key] for lag in lags], unit)


if __name__ == "__main__":
    main()
