"""The tests of the store are those of the migrations, too."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def ready_tables() -> None:
    """Each new database is made by the migrations."""
