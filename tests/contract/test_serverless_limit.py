"""The limit of instances that servers/serverless-offline adds: requests beyond it wait in turn."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from harness.base import paths
from harness.setup import components

pytestmark = pytest.mark.slow

LIMIT = paths.PROJECT / "servers" / "serverless-offline" / "limit.cjs"
# A server that answers none until all have come; one may be given up while it waits.
ASKS = """
require(process.argv[2]);
const http = require("node:http");
const gone = Number(process.argv[3]);
const told = { order: [], most: 0, statuses: [] };
const open = [];
let busy = 0, came = 0, closed = 0;

const { emit } = http.Server.prototype;
http.Server.prototype.emit = function (event, ...rest) {
  if (event === "request") {
    came += 1;
    rest[1].once("close", () => { closed += 1; });
  }
  return emit.call(this, event, ...rest);
};
const server = http.createServer((request, response) => {
  busy += 1;
  told.most = Math.max(told.most, busy);
  told.order.push(Number(request.url.slice(1)));
  open.push(() => { busy -= 1; response.end("ok"); });
});

async function until(true_) {
  while (!true_()) await new Promise((resolve) => setTimeout(resolve, 1));
}

server.listen(0, "127.0.0.1", async () => {
  const all = [], asked = [];
  for (let number = 0; number < 8; number += 1) {
    all.push(new Promise((resolve) => {
      const { port } = server.address();
      const options = { host: "127.0.0.1", port, path: `/${number}`, agent: false };
      asked.push(http.get(options, (got) => {
        told.statuses.push(got.statusCode);
        got.resume().on("end", resolve);
      }).on("error", resolve));
    }));
    await until(() => came > number);
  }
  if (gone >= 0) {
    asked[gone].destroy();
    await until(() => closed === 1);
  }
  const answering = setInterval(() => { if (open.length) open.shift()(); }, 5);
  await Promise.all(all);
  clearInterval(answering);
  server.close();
  console.log(JSON.stringify(told));
});
"""


def asked(most: int, gone: int) -> Any:
    """What became of eight requests, of which one may be given up while it waits."""
    node = components.place(components.NODE)
    assert node is not None, components.why_not(components.NODE)
    done = subprocess.run(
        [node, "-e", ASKS, "--", "script", LIMIT, str(gone)],
        env={"HARNESS_MOST_INSTANCES": str(most)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("most", [1, 3])
def test_requests_beyond_the_limit_wait_in_turn(most: int) -> None:
    told = asked(most, gone=-1)
    assert told["most"] == most
    assert told["order"] == list(range(8))
    assert told["statuses"] == [200] * 8


def test_who_gives_up_waiting_takes_no_place() -> None:
    told = asked(1, gone=5)
    assert told["most"] == 1
    assert told["order"] == [0, 1, 2, 3, 4, 6, 7]
    assert told["statuses"] == [200] * 7
