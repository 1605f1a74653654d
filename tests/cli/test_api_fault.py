from __future__ import annotations

import pytest

from honekit.cli.api_fault import api_fault

URL = "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    ("code", "message", "param", "what", "where", "mend"),
    [
        ("fine_tune_not_found", "Could not find fine tune: ftjob-x", "fine_tuning_job_id",
         "there is no fine-tuning job 'ftjob-x'", URL, "hone jobs list"),
        ("file_not_found", "No such File object: 'file-x'", "file_id", "there is no file 'file-x'", URL, "hone files list"),
        ("model_not_found", "The model `m` does not exist here. GET /v1/models lists those that do.", "model",
         "there is no model 'm'", URL, "hone models list"),
        ("file_not_found", "there is no file 'file-x'. To mend it: upload it.", "training_file",
         "there is no file 'file-x'", "TRAINING", "upload it"),
        ("invalid_value", "Invalid value for 'method.supervised.hyperparameters.n_epochs': Input should be at most 50.",
         "method.supervised.hyperparameters.n_epochs", "Invalid value for --epochs: Input should be at most 50", "--epochs", ""),
        ("invalid_value", "Invalid value for 'metadata.a': too long.", "metadata.a",
         "Invalid value for --metadata: too long", "--metadata", ""),
        ("invalid_state", "A job that is succeeded does not take 'pause'.", None,
         "A job that is succeeded does not take 'pause'", URL, "hone jobs list"),
        ("unknown_parameter", "Unknown parameter: 'colour'.", "colour", "Unknown parameter: colour", "colour", ""),
    ],
)  # fmt: skip
def test_what_the_api_refuses_is_said_to_somebody_at_a_terminal(
    code: str, message: str, param: str | None, what: str, where: str, mend: str
) -> None:
    fault = api_fault(400, {"code": code, "message": message, "param": param, "type": "invalid_request_error"}, URL)
    assert (fault.code, fault.what, fault.where) == (f"api.{code}", what, where)
    assert mend in (fault.mend or "")


def test_a_fault_of_the_server_points_at_its_log() -> None:
    fault = api_fault(500, {"code": None, "message": "Something broke.", "param": None}, URL)
    assert (fault.code, fault.where, fault.mend) == ("api.500", URL, "look into that server's log")
