"""Models of another server of OpenAI's API that an administrator lets graders ask, beside those that Hone serves.

`HONE_JUDGE_URL` is its address, `HONE_JUDGE_KEY` its key, and `HONE_JUDGE_MODELS` names the models: these names are asked
there, even if Hone serves one of the same name. Nobody else can make this server speak to another one, or spend its key.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from honekit import settings
from honekit.graders.judges import Answer, AskFailed, completion_answer, completion_request
from honekit.graders.schema import SamplingParams
from honekit.settings import JudgeEndpoint

if TYPE_CHECKING:
    from openai import OpenAI

log = logging.getLogger("honekit.graders")

RETRIES = 4
TIMEOUT_S = 120.0


class Gone(AskFailed):
    """The server cannot be reached, is busy or broken: it says nothing of the request, which may be answered later."""


def is_elsewhere(model: str) -> bool:
    """Whether graders ask this model at the configured server. Raises: SettingsError[settings.judge]."""
    endpoint = settings.judge_endpoint()
    return endpoint is not None and model in endpoint.models


def ask(model: str, messages: list[dict[str, str]], sampling: SamplingParams, _labels: Sequence[str]) -> Answer:
    """The answer of a model of the configured server; blocks. Of that server it is not known whether it can hold an answer to
    the labels, so they are only asked for.

    Raises: AskFailed (Gone where another moment may have an answer), which tells of that server what a stranger may know; the
    log has the rest.
    """
    endpoint = settings.judge_endpoint()
    if endpoint is None or model not in endpoint.models:
        raise AskFailed(f"the model {model!r} is not known here any more")
    from openai import APIConnectionError, APIStatusError

    body = completion_request(model, messages, sampling)
    try:
        answer: Any = _client(endpoint).post("/chat/completions", cast_to=object, body=body)
    except APIStatusError as fault:
        log.error("%s answers %d for %s: %s", endpoint.url, fault.status_code, model, fault.message)
        if fault.status_code in (400, 404, 413) and isinstance(fault.body, dict):
            raise AskFailed(str(fault.body.get("message") or f"{model} refuses the request")[:300]) from fault
        raise Gone(f"the server of {model} answers with the status {fault.status_code}") from fault
    except APIConnectionError as fault:
        log.error("%s cannot be reached: %s", endpoint.url, fault.__cause__ or fault)
        raise Gone(f"the server of {model} cannot be reached") from fault
    return completion_answer(answer)


@lru_cache(maxsize=4)
def _client(endpoint: JudgeEndpoint) -> OpenAI:
    from openai import OpenAI

    return OpenAI(base_url=endpoint.url, api_key=endpoint.key or "none-is-set", max_retries=RETRIES, timeout=TIMEOUT_S)
