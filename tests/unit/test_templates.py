"""Requests of any schema: what `$instance` becomes where it stands, and what is refused."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.base import toml
from harness.base.errors import AnswerError, UsageError
from harness.measure.talk.framing import Framing
from harness.protocols import Message, Protocol, spoken
from harness.setup.templates import RequestTable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def template(**keys: Any) -> Protocol:
    return spoken("template", toml.of(keys, RequestTable, "--request"))


def sent(instance: Any, **keys: Any) -> Message:
    return template(**keys).encode([instance])


@given(instance=JSON)
def test_an_instance_stands_in_json_as_it_is(instance: Any) -> None:
    message = sent(instance, body='{"text": $instance, "top": 1}')
    assert json.loads(message.body) == {"text": instance, "top": 1}
    assert (message.method, message.query, message.path) == ("POST", "", "")
    assert message.headers == {"Content-Type": "application/json"}


@given(instance=st.text())
def test_between_quotes_it_is_text(instance: str) -> None:
    message = sent(instance, body='{"say \\"": "Is \\"$instance\\" good?", "n": $instance}')
    wanted = {'say "': f'Is "{instance}" good?', "n": instance}
    assert json.loads(message.body) == wanted


def test_anything_but_text_is_its_json_between_quotes() -> None:
    message = sent([1, "a"], body='{"row": "$instance"}')
    assert json.loads(message.body) == {"row": '[1, "a"]'}


def test_parts_of_an_instance_and_the_payload_s_number() -> None:
    protocol = template(
        body='{"a": ${instance.a}, "b": ${instance.b[0]}, "id": $id, "cost": "$$5"}', id="id"
    ).numbered(7)
    message = protocol.encode([{"a": 1, "b": ["x"]}])
    assert json.loads(message.body) == {"a": 1, "b": "x", "id": "7", "cost": "$5"}
    assert protocol.answered(b'{"id": "7"}') == "7"
    assert protocol.answered(b'{"id": 7}') == "7"


def test_an_expression_is_asked_of_instances_alone() -> None:
    body = '{"n": ${length(instance)}, "sum": ${sum(instance)}}'
    assert json.loads(sent([1, 2], body=body).body) == {"n": 2, "sum": 3}
    with pytest.raises(UsageError, match=r"\$\{sum\(instance\)\} of payload 0 can't be had: "):
        sent(["a"], body=body)


def test_all_instances_of_a_request() -> None:
    protocol = template(body='{"texts": $instances}', prediction="[].label")
    assert json.loads(protocol.encode(["a", "b"]).body) == {"texts": ["a", "b"]}
    assert protocol.decode(b'[{"label": 1}, {"label": 2}]') == [1, 2]
    with pytest.raises(AnswerError, match="finds no list"):
        template(body="$instances", prediction="a").decode(b'{"a": 1}')
    with pytest.raises(UsageError, match="one instance per request"):
        template(body="$instance").encode(["a", "b"])


@pytest.mark.parametrize("instance", ["a b", "ü&=?#/", '"', "100 % $x"])
def test_an_instance_in_the_query_and_in_the_path(instance: str) -> None:
    message = sent(instance, path="/of/$instance", query={"q": "$instance", "lang": "en"})
    assert (message.method, message.body) == ("GET", b"")
    assert parse_qs(message.query[1:]) == {"q": [instance], "lang": ["en"]}
    assert unquote(message.path) == f"/of/{instance}"
    assert "/" not in message.path.removeprefix("/of/")


def test_a_path_with_a_query_of_its_own() -> None:
    message = sent("a", path="/of?lang=en", query={"q": "$instance"})
    first = Framing(path="/url?key=1").whole(message).partition(b"\r\n")[0]
    assert first == b"GET /of?key=1&lang=en&q=a HTTP/1.1"


def test_other_types_of_body() -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert sent("a b&", body="text=$instance", headers=form).body == b"text=a+b%26"
    plain = {"content-type": "text/plain; charset=utf-8"}
    message = sent('"ü', body="<$instance>", headers=plain)
    assert message.body == '<"ü>'.encode()
    assert message.headers == plain


def test_the_path_follows_that_of_the_url() -> None:
    assert template(path="/predict", body="$instance").at("/prefix/").encode(["a"]).path == (
        "/prefix/predict"
    )
    assert template(body="$instance").at("/prefix").encode(["a"]).path == ""


@pytest.mark.parametrize(
    ("expression", "body", "found"),
    [
        ("@", b'{"a": 1}', {"a": 1}),
        ("@", b"null", None),
        ("result[0].label", b'{"result": [{"label": "x"}]}', "x"),
        (
            "{label: label, score: confidence}",
            b'{"label": "x", "confidence": 1, "more": 2}',
            {"label": "x", "score": 1},
        ),
        ("a.b", b'{"a": {"b": 0}}', 0),
    ],
)
def test_the_prediction_is_where_the_expression_says(
    expression: str, body: bytes, found: Any
) -> None:
    assert template(body="$instance", prediction=expression).decode(body) == [found]


@pytest.mark.parametrize(
    ("expression", "body", "said"),
    [
        ("label", b'{"lable": 1}', "'label' finds nothing in '{\"lable\": 1}'"),
        ("label", b"[1]", "finds nothing"),
        ("label", b"oops", "no JSON"),
        ("abs(label)", b'{"label": "x"}', "invalid type"),
    ],
)
def test_an_answer_without_it(expression: str, body: bytes, said: str) -> None:
    with pytest.raises(AnswerError) as caught:
        template(body="$instance", prediction=expression).decode(body)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"body": '{"text": "x"}'}, "no $instance in its path, query or body"),
        ({"body": '{"text": $instanz}'}, "$instanz is not a placeholder"),
        ({"body": '{"text": $instance'}, "its body is not JSON once $instance is filled in"),
        ({"body": "$instance", "prediction": "a["}, "'a[' is not a JMESPath expression"),
        ({"body": "${instance.}"}, "is not a JMESPath expression"),
        ({"body": "$instance", "id": "id"}, "'id' needs $id"),
        ({"body": "$instance", "path": "predict"}, "key 'path'"),
        ({"body": "$instance", "method": "post"}, "key 'method'"),
        ({"body": "$instance", "method": "CONNECT"}, "key 'method'"),
        ({"bodi": "$instance"}, "did you mean 'body'?"),
        ({"path": "/a b", "body": "$instance"}, "write spaces"),
        ({"path": "/a#b", "body": "$instance"}, "write spaces"),
        ({"path": "/\u00e4", "body": "$instance"}, "write spaces"),
        ({"body": "${nosuch(instance)}"}, "calls nosuch(), which JMESPath does not have"),
        ({"body": "$instance", "prediction": "a[?no(@)].b"}, "calls no(), which"),
    ],
)
def test_what_is_no_template(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        template(**keys)
    assert said in str(caught.value)
    assert str(caught.value).startswith("--request: ")


def test_a_template_without_one_and_one_for_another_protocol() -> None:
    with pytest.raises(UsageError, match="needs a request"):
        spoken("template").encode(["a"])
    with pytest.raises(UsageError, match="only with the protocol 'template'"):
        spoken("json", RequestTable(body="$instance"))


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "X Y", "N\u00e4me", ""])
def test_a_header_that_nobody_may_give(name: str) -> None:
    with pytest.raises(UsageError, match=r"key 'headers': .*(leave it out|not a header's name)"):
        toml.of({"body": "$instance", "headers": {name: "5"}}, RequestTable, "--request")
