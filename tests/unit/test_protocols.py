"""Protocols: what goes out, and how strictly what comes back is read."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import service_pb2

from harness.base.errors import AnswerError, UsageError
from harness.protocols import registered
from harness.protocols.open_inference import packed, unpacked
from harness.protocols.seldon import _message_class
from harness.protocols.tensors import Tensor, of_instances, signature

PROTOCOLS = registered()
INSTANCES = st.lists(
    st.text() | st.floats(allow_nan=False) | st.lists(st.integers(), max_size=3), max_size=4
)
DEEP = b"[" * 100_000


@pytest.mark.parametrize(
    ("protocol", "body", "predictions"),
    [
        ("json", b'{"predictions": [1, "a"]}', [1, "a"]),
        ("json", b'{"predictions": []}', []),
        ("json", b' {"model": "m", "predictions": [null]} ', [None]),
        ("json-list", b"[1, 2]", [1, 2]),
        ("json-list", b"[]", []),
        ("kserve-v1", b'{"predictions": [1]}', [1]),
        ("text", b'{"label": "a"}', [{"label": "a"}]),
        ("query", b'{"label": "a"}', [{"label": "a"}]),
        ("torchserve", b'{"label": "a"}', [{"label": "a"}]),
        (
            "v2",
            b'{"outputs": [{"name": "label", "datatype": "BYTES", "shape": [2, 1], "data":'
            b' [["a"], ["b"]]}, {"name": "score", "datatype": "FP32", "shape": [2], "data":'
            b" [0.5, 1]}]}",
            [{"label": "a", "score": 0.5}, {"label": "b", "score": 1}],
        ),
        (
            "v2",
            b'{"outputs": [{"name": "prediction", "datatype": "INT64", "shape": [1],'
            b' "data": [7]}]}',
            [7],
        ),
        (
            "v2-binary",
            b'{"outputs": [{"name": "label", "datatype": "BYTES", "shape": [1], "parameters":'
            b' {"binary_data_size": 5}}, {"name": "score", "datatype": "FP64", "shape": [1],'
            b' "parameters": {"binary_data_size": 8}}]}\x01\0\0\0a\0\0\0\0\0\0\xe0\x3f',
            [{"label": "a", "score": 0.5}],
        ),
        (
            "seldon",
            b'{"data": {"names": ["label", "score"], "ndarray": [["a", 0.5]]}, "meta": {}}',
            [{"label": "a", "score": 0.5}],
        ),
        ("seldon", b'{"data": {"names": ["prediction"], "ndarray": [[4]]}}', [4]),
    ],
)
def test_predictions_are_found(protocol: str, body: bytes, predictions: list[Any]) -> None:
    assert PROTOCOLS[protocol].decode(body) == predictions


@pytest.mark.parametrize(
    ("protocol", "body", "said"),
    [
        ("json", b"", "no JSON in ''"),
        ("json", b"<p>oops</p>", "no JSON in '<p>oops</p>'"),
        ("json", b'{"predictions": [1]', "no JSON in"),
        ("json", b'{"predictions": [1]} trailing', "no JSON in"),
        ("json", b"\xff\xfe\x00", "no JSON in"),
        ("json", DEEP, "no JSON in"),
        ("json", b"[1]", 'no list "predictions" in'),
        ("json", b"null", 'no list "predictions" in'),
        ("json", b"{}", 'no list "predictions" in'),
        ("json", b'{"predictions": 1}', 'no list "predictions" in'),
        ("json", b'{"predictions": {"0": 1}}', 'no list "predictions" in'),
        ("json", b'{"Predictions": [1]}', 'no list "predictions" in'),
        ("json-list", b"", "no JSON in ''"),
        ("json-list", DEEP, "no JSON in"),
        ("json-list", b'{"predictions": [1]}', "no list in"),
        ("json-list", b'"text"', "no list in"),
    ],
)
def test_anything_else_is_refused(protocol: str, body: bytes, said: str) -> None:
    with pytest.raises(AnswerError) as caught:
        PROTOCOLS[protocol].decode(body)
    assert str(caught.value).startswith(said)
    assert len(str(caught.value)) < 400  # shows the start of the body, not all of it


@pytest.mark.parametrize(
    ("protocol", "body", "said"),
    [
        ("v2", b"{}", 'no list "outputs"'),
        ("v2", b'{"outputs": []}', "no output tensors"),
        ("v2", b'{"outputs": [{"name": "label"}]}', "has no data"),
        (
            "v2",
            b'{"outputs": [{"name": "a", "datatype": "INT64", "shape": [2], "data": [1]}]}',
            "do not have one value per row: a [2] with 1 values",
        ),
        (
            "v2",
            b'{"outputs": [{"name": "a", "datatype": "INT64", "shape": [1], "data": [1]},'
            b' {"name": "a", "datatype": "INT64", "shape": [1], "data": [1]}]}',
            "two output tensors have one name",
        ),
        (
            "v2-binary",
            b'{"outputs": [{"name": "a", "datatype": "BYTES", "shape": [1], "parameters":'
            b' {"binary_data_size": 9}}]}abc',
            "does not fit into the answer",
        ),
        (
            "v2-binary",
            b'{"outputs": [{"name": "a", "datatype": "BYTES", "shape": [1], "parameters":'
            b' {"binary_data_size": 5}}]}\x09\0\0\0a',
            "a text is cut off",
        ),
        (
            "v2-binary",
            b'{"outputs": [{"name": "a", "datatype": "FP64", "shape": [1], "parameters":'
            b' {"binary_data_size": 3}}]}abc',
            "not a whole number of FP64",
        ),
        ("seldon", b'{"data": {"ndarray": [[1]]}}', "no names for its columns"),
        ("seldon", b'{"data": {"names": ["a", "b"], "ndarray": [[1]]}}', "not one value for each"),
        ("seldon", b'{"strData": "a"}', 'no object "data"'),
        ("seldon-grpc", b"\xff", "no SeldonMessage"),
        ("v2-grpc", b"\xff", "no ModelInferResponse"),
        ("v2-grpc", b"", "no output tensors"),
    ],
)
def test_what_does_not_say_what_was_predicted(protocol: str, body: bytes, said: str) -> None:
    with pytest.raises(AnswerError) as caught:
        PROTOCOLS[protocol].decode(body)
    assert said in str(caught.value)


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
@given(body=st.binary())
def test_no_body_surprises_a_decoder(protocol: str, body: bytes) -> None:
    predictions: object = []
    with suppress(AnswerError):
        predictions = PROTOCOLS[protocol].decode(body)
    assert isinstance(predictions, list)


@pytest.mark.parametrize("protocol", ["json", "json-list", "kserve-v1"])
@given(instances=INSTANCES)
def test_instances_go_out_as_json(protocol: str, instances: list[Any]) -> None:
    message = PROTOCOLS[protocol].encode(instances)
    assert message.headers == {"Content-Type": "application/json"}
    assert json.loads(message.body) == {"instances": instances}


@pytest.mark.parametrize("instance", ["naïve text", "", "a&b=c #?", "\N{GRINNING FACE}"])
def test_one_text_as_a_body_or_a_query(instance: str) -> None:
    assert PROTOCOLS["text"].encode([instance]).body.decode() == instance
    message = PROTOCOLS["query"].encode([instance])
    assert parse_qs(message.query[1:], keep_blank_values=True) == {"text": [instance]}
    assert (message.query[0], message.body) == ("?", b"")


@pytest.mark.parametrize("protocol", ["text", "query", "torchserve"])
def test_one_instance_a_request(protocol: str) -> None:
    with pytest.raises(UsageError, match="one instance per request, not 2"):
        PROTOCOLS[protocol].encode(["a", "b"])


@pytest.mark.parametrize(
    ("instances", "name", "datatype", "shape", "data"),
    [
        (["a", "b"], "text", "BYTES", [2, 1], ["a", "b"]),
        ([[1, 2.5], [3, 4]], "numbers", "FP64", [2, 2], [1.0, 2.5, 3.0, 4.0]),
        ([[1], [2, 3]], "json", "BYTES", [2, 1], ["[1]", "[2, 3]"]),
        ([{"a": 1}], "json", "BYTES", [1, 1], ['{"a": 1}']),
        ([[True]], "json", "BYTES", [1, 1], ["[true]"]),
    ],
)
def test_instances_as_tensors(
    instances: list[Any], name: str, datatype: str, shape: list[int], data: list[Any]
) -> None:
    assert of_instances(instances) == Tensor(name=name, datatype=datatype, shape=shape, data=data)


def test_a_signature_names_every_tensor() -> None:
    found = signature([1.0, 2.0], {"label": "a", "score": 0.5, "count": 1, "sure": True})
    assert found["input"] == {"name": "numbers", "datatype": "FP64", "width": 2}
    outputs = {"label": "BYTES", "score": "FP64", "count": "INT64", "sure": "BOOL"}
    assert found["outputs"] == outputs
    assert signature("a", 7)["outputs"] == {"prediction": "INT64"}
    assert signature("a", [0.5])["outputs"] == {"prediction.json": "BYTES"}


def test_what_is_no_scalar_travels_as_json() -> None:
    body = b'{"outputs": [{"name": "prediction.json", "datatype": "BYTES", "shape": [2],'
    assert PROTOCOLS["v2"].decode(body + b' "data": ["[0.5, 1]", "null"]}]}') == [[0.5, 1], None]
    with pytest.raises(AnswerError, match="holds no JSON"):
        PROTOCOLS["v2"].decode(body + b' "data": ["[", "null"]}]}')


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=3))
def test_texts_survive_the_binary_form(texts: list[str]) -> None:
    assert (
        unpacked(
            "BYTES",
            packed(Tensor(name="text", datatype="BYTES", shape=[len(texts), 1], data=texts)),
        )
        == texts
    )


def test_tritonclient_reads_what_we_send_over_grpc() -> None:
    body = PROTOCOLS["v2-grpc"].encode([[1.0, 2.0]]).body
    request = service_pb2.ModelInferRequest.FromString(body)
    (tensor,) = request.inputs
    assert (request.model_name, tensor.name, tensor.datatype) == ("model", "numbers", "FP64")
    assert list(tensor.shape) == [1, 2]
    assert np.frombuffer(request.raw_input_contents[0]).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("raw", [True, False])
def test_what_a_v2_server_says_over_grpc(raw: bool) -> None:
    response = service_pb2.ModelInferResponse()
    label = response.outputs.add(name="label", datatype="BYTES", shape=[2, 1])
    score = response.outputs.add(name="score", datatype="FP64", shape=[2])
    if raw:
        response.raw_output_contents.extend(
            [b"\1\0\0\0a\1\0\0\0b", np.array([0.5, 0.25]).tobytes()]
        )
    else:
        label.contents.bytes_contents.extend([b"a", b"b"])
        score.contents.fp64_contents.extend([0.5, 0.25])
    assert PROTOCOLS["v2-grpc"].decode(response.SerializeToString()) == [
        {"label": "a", "score": 0.5},
        {"label": "b", "score": 0.25},
    ]


def test_seldons_message_goes_there_and_back() -> None:
    body = PROTOCOLS["seldon-grpc"].encode(["a", [1.5, 2]]).body
    message = _message_class().FromString(body)
    assert next(iter(message.data.ndarray)) == "a"
    answer = _message_class()()
    answer.data.names.extend(["label", "score"])
    answer.data.ndarray.extend([["a", 0.5]])
    decoded = PROTOCOLS["seldon-grpc"].decode(answer.SerializeToString())
    assert decoded == [{"label": "a", "score": 0.5}]
