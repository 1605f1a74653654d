"""What a server does now and then: files and uploads whose time is over go."""

from __future__ import annotations

import asyncio
import logging

from honekit.errors import HoneError
from honekit.store import files, uploads

log = logging.getLogger("honekit.api")
EVERY_S = 60.0


async def upkeep() -> None:
    """Runs until it is cancelled."""
    while True:
        try:
            removed = await asyncio.to_thread(files.remove_expired), await asyncio.to_thread(uploads.remove_expired)
            if any(removed):
                log.info("%d expired files and %d expired uploads were removed", *removed)
        except HoneError as fault:  # a database that is away for a moment
            log.error("expired files cannot be removed: %s", fault)
        await asyncio.sleep(EVERY_S)
