"""Lay the model out as TensorFlow Serving wants it, and become TensorFlow Serving.

Runs in the container only. Not tried yet, see server.toml.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

METRICS = 'prometheus_config { enable: true, path: "/monitoring/prometheus/metrics" }\n'


def main() -> None:
    scratch = Path(os.environ["TMPDIR"])
    saved_model = Path(os.environ["HARNESS_ARTEFACT"]) / "saved_model"
    if not saved_model.is_dir():
        sys.exit(f"{saved_model} is missing: the benchmark has no SavedModel.")
    base = scratch / "model"
    base.mkdir()
    (base / "1").symlink_to(saved_model)  # it serves the highest of the numbered versions
    monitoring = scratch / "monitoring.config"
    monitoring.write_text(METRICS)
    threads = os.environ["HARNESS_THREADS"]
    # It has no option for the address of the REST port and listens on all of the container's.
    command = [
        "tensorflow_model_server",
        "--port=0",  # no gRPC
        f"--rest_api_port={os.environ['HARNESS_PORT']}",
        "--model_name=model",
        f"--model_base_path={base}",
        f"--tensorflow_intra_op_parallelism={threads}",
        "--tensorflow_inter_op_parallelism=1",
        "--rest_api_num_threads=1",  # one prediction at a time, as on the whole matched track
        f"--monitoring_config_file={monitoring}",
    ]
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
