"""`seldon-core-microservice` with three things that it has no option for."""

from __future__ import annotations

import atexit
import os
import signal
from typing import Any

import grpc
from seldon_core import microservice, wrapper
from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.gunicorn_utils import StandaloneApplication

EVERY_ADDRESS = "0.0.0.0"


def listen_on(host: str) -> None:
    """Its REST, gRPC and metrics servers would listen on every address of the machine."""
    load_config = StandaloneApplication.load_config
    run_grpc_server = microservice._run_grpc_server

    def with_host(app: StandaloneApplication) -> None:
        app.options["bind"] = app.options["bind"].replace(EVERY_ADDRESS, host)
        load_config(app)

    def run_on_host(*arguments: Any) -> None:
        *others, address = arguments
        run_grpc_server(*others, address.replace(EVERY_ADDRESS, host))

    StandaloneApplication.load_config = with_host
    microservice._run_grpc_server = run_on_host


class Servicer(wrapper.SeldonModelGRPC):
    """Says over gRPC too whose fault an error is; Seldon says UNKNOWN of every one."""

    def Predict(self, request_grpc: Any, context: grpc.ServicerContext) -> Any:
        try:
            return super().Predict(request_grpc, context)
        except SeldonMicroserviceException as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)


def stop_grpc_with_rest() -> None:
    """Told to stop, it would end its REST server and then wait for the gRPC server for ever."""
    main = os.getpid()

    def stop() -> None:
        if os.getpid() == main:  # not in a forked worker
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.killpg(0, signal.SIGTERM)

    atexit.register(stop)


if __name__ == "__main__":
    listen_on(os.environ["HARNESS_HOST"])
    wrapper.SeldonModelGRPC = Servicer
    stop_grpc_with_rest()
    microservice.main()
