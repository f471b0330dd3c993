"""Write graph and configuration, and become OpenVINO Model Server.

Runs in the container only. Not tried yet, see server.toml.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from serving import signature

HERE = Path(__file__).parent
OVMS = Path("/ovms")  # where the official images have it

GRAPH = """
input_stream: "OVMS_PY_TENSOR:{input}"
{graph_outputs}
node {{
  name: "predictor"
  calculator: "PythonExecutorCalculator"
  input_side_packet: "PYTHON_NODE_RESOURCES:py"
  input_stream: "INPUT:{input}"
{node_outputs}
  node_options: {{
    [type.googleapis.com / mediapipe.PythonExecutorCalculatorOptions]: {{
      handler_path: "{handler}"
    }}
  }}
}}
"""


def graph() -> str:
    """One node; its tensors are named and counted here, their datatypes are not."""
    declared = signature()
    names = list(declared["outputs"])
    outputs = [f'output_stream: "{{}}_{place}:{name}"' for place, name in enumerate(names)]
    return GRAPH.format(
        input=declared["input"]["name"],
        graph_outputs="\n".join(line.format("OVMS_PY_TENSOR") for line in outputs),
        node_outputs="\n".join("  " + line.format("OUTPUT") for line in outputs),
        handler=HERE / "app.py",
    )


def main() -> None:
    scratch = Path(os.environ["TMPDIR"])
    pipeline, settings = scratch / "graph.pbtxt", scratch / "config.json"
    pipeline.write_text(graph())
    served = {"name": "model", "graph_path": str(pipeline)}
    monitoring = {"metrics": {"enable": True}}
    configuration = {"model_config_list": [], "mediapipe_config_list": [served]}
    settings.write_text(json.dumps({**configuration, "monitoring": monitoring}))
    os.environ["LD_LIBRARY_PATH"] = str(OVMS / "lib")
    python_path = [str(OVMS / "lib" / "python"), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = ":".join(filter(None, python_path))
    command = [
        str(OVMS / "bin" / "ovms"),
        *("--config_path", str(settings)),
        *("--rest_bind_address", os.environ["HARNESS_HOST"]),
        *("--rest_port", os.environ["HARNESS_PORT"]),
        *("--file_system_poll_wait_seconds", "0"),  # the configuration does not change
    ]
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
