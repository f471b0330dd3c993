from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from google.protobuf.json_format import MessageToDict
from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.proto.prediction_pb2 import SeldonMessage
from serving import load_predictor
from turns import Turns

errors = Blueprint("errors", __name__)


@errors.app_errorhandler(RecursionError)
def refuse_deep_json(error: RecursionError) -> ResponseReturnValue:
    # It is raised while Seldon reads the body, which would answer 500.
    return jsonify(SeldonMicroserviceException(str(error)).to_dict()), 400


class Model:
    model_error_handler = errors  # Seldon takes it by this name

    def __init__(self) -> None:
        # Seldon's threads would all call the model at once; a plain Lock is not first come, first
        # served.
        self._one_at_a_time = Turns()

    def load(self) -> None:
        self._predictor = load_predictor()

    # Not `predict`: Seldon would make one numpy array of all instances, which turns a number beside
    # a text into a text, and answers 500 where the instances are of different lengths.
    def predict_raw(self, request: Any) -> Any:
        try:
            if isinstance(request, SeldonMessage):
                return _message(*self._predict(_instances_of_message(request)))
            names, rows = self._predict(_instances_of_json(request))
        except ValueError as error:
            raise SeldonMicroserviceException(str(error)) from error
        return {"data": {"names": names, "ndarray": rows}}

    def _predict(self, instances: list[Any]) -> tuple[list[str], list[list[Any]]]:
        """Names of the columns, and a row for each instance."""
        with self._one_at_a_time:
            found = self._predictor.predict(instances)
        predictions = [p if isinstance(p, dict) else {"prediction": p} for p in found]
        names = list(predictions[0]) if predictions else []
        return names, [[prediction[name] for name in names] for prediction in predictions]


def _instances_of_json(request: Any) -> list[Any]:
    data = request.get("data") if isinstance(request, dict) else None
    instances = data.get("ndarray") if isinstance(data, dict) else None
    if not isinstance(instances, list):
        raise ValueError('send {"data": {"ndarray": [...]}}')
    return instances


def _instances_of_message(request: SeldonMessage) -> list[Any]:
    if not request.data.HasField("ndarray"):
        raise ValueError("send data.ndarray")
    instances: list[Any] = MessageToDict(request.data.ndarray)
    return instances


def _message(names: list[str], rows: list[list[Any]]) -> SeldonMessage:
    message = SeldonMessage()
    message.data.names.extend(names)
    message.data.ndarray.extend(rows)
    return message
