"""The API as commands call it: a server's, named by `HONE_BASE_URL`, or the same application inside this process.

Either way the official client talks to the same routes, so a command has one code path and one JSON.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from honekit import runtime
from honekit.cli.api_fault import api_fault
from honekit.errors import HoneError, ServeError, SettingsError
from honekit.settings import local_project

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

Answer = TypeVar("Answer")

PAGE = 100
"""Rows of a list that are asked for at once."""


def server_url() -> str | None:
    """The address of the API that `HONE_BASE_URL` names, ending in /v1; None for work on this machine's own data.

    Raises: SettingsError[settings.base_url].
    """
    given = os.environ.get("HONE_BASE_URL", "").strip().rstrip("/")
    if not given:
        return None
    try:
        parts = urlsplit(given)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(
            "settings.base_url",
            what=f"{given[:200]!r} is not the address of a server",
            where="HONE_BASE_URL",
            mend="write it as http://127.0.0.1:8000, or unset it to work on this machine's own data",
        )
    return given if given.endswith("/v1") else f"{given}/v1"


def call(
    work: Callable[[AsyncOpenAI], Coroutine[Any, Any, Answer]],
    *,
    bases: Mapping[str, str] | None = None,
    project: str | None = None,
) -> Answer:
    """Run `work` with a client of the API. Without a server: `bases` are further bases (name, directory) that jobs made here
    may start from, and `project` is whose files and jobs are seen (None: `local_project`).

    Raises: ApiFault[api.<code of the answer>]; ServeError[serve.unreachable | serve.broken_off | serve.not_the_api |
    serve.project_name]; SettingsError[settings.base_url | settings.api_key]; without a server also what its parts raise, such
    as StoreError.
    """
    return asyncio.run(_call(work, bases or {}, project or local_project()))


async def _call(work: Callable[[AsyncOpenAI], Coroutine[Any, Any, Answer]], bases: Mapping[str, str], project: str) -> Answer:
    url = server_url()
    client = _local_client(bases, project) if url is None else _remote_client(url)
    from openai import APIConnectionError, APIStatusError

    try:
        async with client:
            return await work(client)
    except APIStatusError as fault:
        raise _refused(fault, url or f"project {project!r} on this machine") from fault
    except _broken_off() as fault:
        raise ServeError(
            "serve.broken_off",
            what=f"the connection broke in the middle of an answer: {fault or type(fault).__name__}",
            where=url,
            mend="run the same command again",
        ) from fault
    except APIConnectionError as fault:
        if fault.__cause__ is not None and (url is None or isinstance(fault.__cause__, HoneError)):
            raise fault.__cause__ from None
        raise ServeError(
            "serve.unreachable",
            what=f"no server answers there: {fault.__cause__ or fault}",
            where=url,
            mend="start it with `hone serve`, mend HONE_BASE_URL, or unset it to work on this machine's own data",
        ) from fault


def document(answer: Any) -> dict[str, Any]:
    """An object of the API as plain JSON values, with the names and fields that were sent."""
    values: dict[str, Any] = answer.to_dict(mode="json", warnings=False)
    return values


async def taken(found: AsyncIterable[Any], limit: int | None = None) -> list[dict[str, Any]]:
    """What a list of the API has, page after page, at most `limit`, as plain JSON values. Raises: faults of the client."""
    rows: list[dict[str, Any]] = []
    async for one in found:
        rows.append(document(one))
        if len(rows) == limit:
            break
    return rows


def _remote_client(url: str) -> AsyncOpenAI:
    key = os.environ.get("HONE_API_KEY", "").strip()
    if not key:
        raise SettingsError(
            "settings.api_key",
            what="HONE_BASE_URL names a server, but there is no key for it",
            where="HONE_API_KEY",
            mend="on the server: `hone keys create`; here: `export HONE_API_KEY=...`",
        )
    with runtime.importing():
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    async def check(answer: Any) -> None:
        is_json = "json" in answer.headers.get("content-type", "")
        if answer.status_code < 400 and not is_json and not answer.url.path.endswith("/content"):
            raise _not_the_api(url, "it is not JSON")

    return AsyncOpenAI(
        base_url=url, api_key=key, admin_api_key=key, http_client=DefaultAsyncHttpxClient(event_hooks={"response": [check]})
    )


def _local_client(bases: Mapping[str, str], project: str) -> AsyncOpenAI:
    with runtime.importing():
        from honekit.api.engines import Engines
        from honekit.api.inside import inside_client

    return inside_client(Engines(extra_bases=bases), project)


def _broken_off() -> tuple[type[Exception], ...]:
    """What the libraries that may be below the client raise while a body is read, which the client passes on as it is."""
    import httpx

    successor = sys.modules.get("httpx2")
    return (httpx.TransportError,) if successor is None else (httpx.TransportError, successor.TransportError)


def _refused(fault: APIStatusError, where: str) -> HoneError:
    body = fault.body if isinstance(fault.body, dict) else {}
    if not body.get("message"):
        return _not_the_api(where, f"its status is {fault.status_code}, without an error of this API")
    return api_fault(fault.status_code, body, where)


def _not_the_api(where: str, why: str) -> ServeError:
    return ServeError(
        "serve.not_the_api",
        what=f"something else than this API answers there: {why}",
        where=where,
        mend="set HONE_BASE_URL to the address that `hone serve` prints",
    )
