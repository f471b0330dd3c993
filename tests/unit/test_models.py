"""Models of the Open Inference Protocol with names, datatypes and shapes of their own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tritonclient.grpc import service_pb2

from harness.base.errors import AnswerError, UsageError
from harness.protocols import Protocol, spoken

ROW = [5.1, 3.5, 1.4, 0.2]


def tensor(name: str, datatype: str, *shape: int) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": list(shape)}


def told(
    inputs: list[dict[str, Any]], payload: Any, prediction: Any = None, name: str = "v2"
) -> Protocol:
    metadata = {"name": "forest", "inputs": inputs, "outputs": []}
    return spoken(name).told(json.dumps(metadata).encode(), payload, prediction)


def sent(protocol: Protocol, *instances: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(protocol.encode(list(instances)).body)["inputs"]
    return found


def answer(*outputs: dict[str, Any]) -> bytes:
    return json.dumps({"outputs": list(outputs)}).encode()


@pytest.mark.parametrize(
    ("spec", "instance", "shape", "data"),
    [
        (tensor("x", "FP32", -1, 4), ROW, [1, 4], ROW),
        (tensor("x", "FP32", 1, 4), ROW, [1, 4], ROW),
        (tensor("x", "FP32", 4), ROW, [4], ROW),  # without a dimension for more rows
        (tensor("x", "FP64", -1, -1), ROW, [1, 4], ROW),
        (tensor("x", "FP32", -1, 1, 4), ROW, [1, 1, 4], ROW),
        (tensor("x", "FP32", -1, -1, 4), ROW, [1, 1, 4], ROW),
        (tensor("x", "FP32", -1, 2, 2), [[1, 2], [3, 4]], [1, 2, 2], [1, 2, 3, 4]),
        (tensor("x", "INT64", -1, 2), [1.0, 2], [1, 2], [1, 2]),
        (tensor("x", "FP32"), ROW, [1, 4], ROW),  # no shape is told
        (tensor("texts", "BYTES", -1, 1), "a b", [1, 1], ["a b"]),
        (tensor("texts", "BYTES", -1), "a b", [1], ["a b"]),
        (tensor("texts", "BYTES", -1, 2), ["a", "b"], [1, 2], ["a", "b"]),
        (tensor("row", "BYTES", -1, 1), {"a": 1}, [1, 1], ['{"a": 1}']),
        (tensor("flag", "BOOL", -1), True, [1], [True]),
        (tensor("x", "FP32", -1, 4), {"x": ROW, "y": 1}, [1, 4], ROW),
    ],
)
def test_an_instance_goes_into_the_tensor_that_there_is(
    spec: dict[str, Any], instance: Any, shape: list[int], data: list[Any]
) -> None:
    (found,) = sent(told([spec], instance), instance)
    assert (found["name"], found["datatype"]) == (spec["name"], spec["datatype"])
    assert (found["shape"], found["data"]) == (shape, data)


def test_several_instances_are_rows() -> None:
    (found,) = sent(told([tensor("x", "FP32", -1, 4)], ROW), ROW, ROW)
    assert (found["shape"], found["data"]) == ([2, 4], ROW + ROW)


@pytest.mark.parametrize("instance", [{"a": 1, "b": "t"}, [1, "t"]])
def test_several_inputs_are_filled_by_name_or_by_place(instance: Any) -> None:
    specs = [tensor("a", "INT32", -1), tensor("b", "BYTES", -1, 1)]
    found = sent(told(specs, instance), instance)
    assert [(each["name"], each["data"]) for each in found] == [("a", [1]), ("b", ["t"])]


@pytest.mark.parametrize(
    ("specs", "instance", "said"),
    [
        ([tensor("x", "FP32", -1, 3)], ROW, "'x' has the shape [-1, 3]"),
        ([tensor("x", "FP32", -1)], "text", "'x' is FP32, which 'text' can't be"),
        ([tensor("x", "INT64", -1, 4)], ROW, "'x' is INT64, which 5.1 can't be"),
        ([tensor("x", "FP32", -1, -1, -1)], [[1], [2, 3]], "differ in length"),
        ([tensor("x", "FP32", -1), tensor("y", "FP32", -1)], {"x": 1}, "the inputs x, y"),
    ],
)
def test_an_instance_that_does_not_fit(
    specs: list[dict[str, Any]], instance: Any, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        told(specs, ROW).encode([instance])
    assert said in str(caught.value)


def test_a_number_that_its_datatype_has_no_room_for() -> None:
    protocol = told([tensor("x", "INT8", -1)], 1, name="v2-binary")
    assert protocol.encode([1]).body.endswith(b"\x01")
    with pytest.raises(UsageError, match="INT8 has no room"):
        protocol.encode([1000])
    with pytest.raises(UsageError, match="BF16, which"):
        told([tensor("x", "BF16", -1)], 1, name="v2-binary").encode([1])


@pytest.mark.parametrize(
    ("shape", "data", "like", "prediction"),
    [
        ([1], [7], 7, 7),
        ([1, 1], [7], 7, 7),
        ([1, 1], [7], [7], [7]),
        ([1, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3]),
        ([1, 3], [[1, 2, 3]], [1, 2, 3], [1, 2, 3]),
        ([1, 2, 2], [1, 2, 3, 4], [[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        ([1], [7], {"other": 7}, {"other": 7}),
        ([1], [7], {"class": 7}, {"class": 7}),
    ],
)
def test_one_output_is_the_prediction_whatever_its_name(
    shape: list[int], data: list[Any], like: Any, prediction: Any
) -> None:
    protocol = told([tensor("x", "FP32", -1, 4)], ROW, like)
    body = answer({**tensor("class", "INT64", *shape), "data": data})
    wanted = 7 if like == {"other": 7} else prediction
    assert protocol.decode(body) == [wanted]


def test_several_outputs_are_the_prediction_s_keys_and_what_it_lacks_is_left_out() -> None:
    body = answer(
        {**tensor("label", "BYTES", 2), "data": ["a", "b"]},
        {**tensor("scores", "FP32", 2, 2), "data": [0.5, 0.25, 0.75, 0.125]},
        {**tensor("logits", "FP32", 2, 1), "data": [1, 2]},
    )
    like = {"label": "a", "scores": [0.5, 0.25]}
    found = told([tensor("x", "FP32", -1, 4)], ROW, like).decode(body)
    assert found == [
        {"label": "a", "scores": [0.5, 0.25]},
        {"label": "b", "scores": [0.75, 0.125]},
    ]
    whole = told([tensor("x", "FP32", -1, 4)], ROW).decode(body)
    assert [row["logits"] for row in whole] == [1, 2]


def test_a_model_without_rows_answers_one_instance() -> None:
    protocol = told([tensor("x", "FP32", 4)], ROW, [1.0, 2.0, 3.0])
    body = answer({**tensor("y", "FP32", 3), "data": [1, 2, 3]})
    assert protocol.decode(body) == [[1, 2, 3]]


def test_vectors_without_metadata_are_answers_too() -> None:
    body = answer({**tensor("prediction", "FP64", 2, 3), "data": [1, 2, 3, 4, 5, 6]})
    assert spoken("v2").decode(body) == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("shape", [[-1, 3], [2**70], [1] * 40, []])
def test_a_shape_that_is_none(shape: list[int]) -> None:
    body = answer({**tensor("prediction", "FP64", *shape), "data": [1]})
    with pytest.raises(AnswerError, match="do not have one value per row"):
        spoken("v2").decode(body)


@pytest.mark.parametrize("body", [b"[]", b"1", b'{"inputs": [1]}', b'{"inputs": [{"name": 1}]}'])
@pytest.mark.parametrize("name", ["v2", "v2-binary"])
def test_what_are_no_metadata(name: str, body: bytes) -> None:
    with pytest.raises(AnswerError):
        spoken(name).told(body, ROW, None)


def test_without_inputs_the_names_stay_ours() -> None:
    assert told([], ROW) is spoken("v2")


def test_over_grpc_the_path_is_the_model_s_name() -> None:
    protocol = spoken("v2-grpc").at("/forest")
    metadata = service_pb2.ModelMetadataResponse(name="forest")
    metadata.inputs.add(name="x", datatype="FP32", shape=[-1, 4])
    found = protocol.told(metadata.SerializeToString(), ROW, [1.0, 2.0])
    request = service_pb2.ModelInferRequest.FromString(found.encode([ROW]).body)
    assert (request.model_name, request.inputs[0].name, request.inputs[0].datatype) == (
        *("forest", "x", "FP32"),
    )
    assert len(request.raw_input_contents[0]) == 16
    response = service_pb2.ModelInferResponse()
    response.outputs.add(name="y", datatype="FP32", shape=[1, 2]).contents.fp32_contents.extend(
        [1.0, 2.0]
    )
    assert found.decode(response.SerializeToString()) == [[1.0, 2.0]]
    with pytest.raises(AnswerError, match="no ModelMetadataResponse"):
        protocol.told(b"\xff", ROW, None)


def test_a_query_s_parameter_has_a_name() -> None:
    assert spoken("query:q").encode(["a b"]).query == "?q=a+b"
    assert spoken("query").encode(["a b"]).query == "?text=a+b"
    for name, said in (("query:", "lacks"), ("json:q", "takes no name"), ("qery", "'query'")):
        with pytest.raises(UsageError, match=said):
            spoken(name)


def test_the_instance_alone_has_a_name_of_its_own() -> None:
    assert json.loads(spoken("instance").encode([{"a": 1}]).body) == {"a": 1}
    assert spoken("instance").path == "/predict"
