"""What a server does now and then: files and uploads whose time is over go, and what deletions elsewhere left here."""

from __future__ import annotations

import asyncio
import logging
import time

from honekit import registry
from honekit.api.engines import Engines
from honekit.errors import HoneError
from honekit.store import files, uploads

log = logging.getLogger("honekit.api")
EVERY_S = 60.0


async def upkeep(engines: Engines) -> None:
    """Runs until it is cancelled."""
    looked_at = 0.0
    try:
        await asyncio.to_thread(registry.remove_left_over)
    except HoneError as fault:
        log.error("what deletions left cannot be removed: %s", fault)
    while True:
        try:
            removed = await asyncio.to_thread(files.remove_expired), await asyncio.to_thread(uploads.remove_expired)
            if any(removed):
                log.info("%d expired files and %d expired uploads were removed", *removed)
            began = time.time()
            await asyncio.to_thread(files.drop_left_over, looked_at)
            looked_at = began - EVERY_S  # a job's end may be noted later than it is dated
        except HoneError as fault:  # a database that is away for a moment
            log.error("expired files cannot be removed: %s", fault)
        engines.forget_removed()
        await asyncio.sleep(EVERY_S)
