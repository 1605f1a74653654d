"""The application asked from inside this process, as a project may ask it, without a socket and without a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx  # not later: the client, in another thread, looks at it while it is half imported

from honekit import runtime

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from honekit.api.engines import Engines
    from honekit.evals.endpoint import Endpoint

RETRIES = 6
"""A full queue is no fault of an item: it is waited out."""


def inside_client(engines: Engines, project: str, *, max_retries: int = 0) -> AsyncOpenAI:
    """The official client of the same routes. Faults of the installation reach the caller as causes of its errors.

    Raises: ServeError[serve.project_name].
    """
    with runtime.importing():
        from openai import AsyncOpenAI

        from honekit.api.app import create_app
        from honekit.api.auth import local_key

    app = create_app(engines, training_jobs=0, trusted=local_key(project))
    # The client's newer versions are typed for a successor of httpx, and take httpx as before.
    http: Any = httpx.AsyncClient(transport=httpx.ASGITransport(app), timeout=None)
    return AsyncOpenAI(base_url="http://localhost/v1", api_key="none-is-needed", http_client=http, max_retries=max_retries)


def inside_endpoint(engines: Engines, project: str) -> Endpoint:
    """Hone's own models as the subject and the judges of an evaluation."""
    from honekit.api.served import first_base
    from honekit.evals.endpoint import Endpoint

    return Endpoint(inside_client(engines, project, max_retries=RETRIES), embedder=first_base(engines.extra_bases) or "")
