"""The interview over HTTP is the one of the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from honekit.cli.main import main


@pytest.fixture
def send(server: str, key: str) -> Any:
    def send(method: str, path: str, **options: Any) -> httpx.Response:
        return httpx.request(method, server + path, headers={"authorization": f"Bearer {key}"}, **options)

    return send


def test_questions_and_verdict_are_those_of_the_command(send: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = {"missing": ["live_data"], "facts_source": "system", "citations": "unknown"}
    file = tmp_path / "answers.json"
    file.write_text(json.dumps(answers))
    for command, response in (
        (["decide", "questions", "--json"], send("GET", "/v1/decide/questions")),
        (["decide", "--answers", str(file), "--json"], send("POST", "/v1/decide", json={"answers": answers})),
    ):
        capsys.readouterr()
        assert main(command) == 0
        assert response.status_code == 200
        assert response.json() == json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"answers": {"missing": ["stile"], "colour": 1}}, "invalid_answers", "answers"),
        ({"answers": []}, "invalid_value", "answers"),
        ({}, "missing_required_parameter", "answers"),
        ({"answers": {}, "more": 1}, "unknown_parameter", "more"),
    ],
)
def test_faulty_answers_are_refused_in_the_envelope(send: Any, body: Any, code: str, param: str) -> None:
    response = send("POST", "/v1/decide", json=body)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, code, param)
    if code == "invalid_answers":
        assert '"stile" is not one of' in error["message"] and "no question 'colour'" in error["message"]


def test_the_interview_needs_a_key(server: str) -> None:
    assert httpx.get(server + "/v1/decide/questions").status_code == 401
