"""Migrations: they make exactly the tables that the code uses, once, whoever comes first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from honekit import deploy, registry
from honekit.errors import StoreError
from honekit.store import database as store
from honekit.store.migrate import alembic_config
from honekit.store.tables import metadata


def test_the_revision_in_the_code_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == store.REVISION


def test_the_migrations_make_the_tables_that_the_code_uses() -> None:
    with store.open_database().read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_an_alias_and_its_history_go_to_the_owner_of_its_version_and_back() -> None:
    database = store.open_database()
    config = alembic_config()
    names = [
        registry.create_version("tickets", f"ftjob-{number}", "b", "x", Path("/a"), f"y{number}", owner="team-a").name
        for number in range(2)
    ]
    for name in names:
        moved = deploy.promote(None, name, "ship")
    for revision in ("0006", "head"):
        with database.write() as connection:
            config.attributes["connection"] = connection
            (command.downgrade if revision == "0006" else command.upgrade)(config, revision)
    assert deploy.list_aliases() == [moved]
    assert moved.owner == "team-a"
    assert [change.version for change in deploy.history(moved.alias, "team-a")] == names[::-1]


def test_the_migrations_can_be_taken_back() -> None:
    database = store.open_database()
    config = alembic_config()
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with database.read() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]


def test_a_database_of_a_newer_hone_is_refused_untouched(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with store.open_database(url).write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store._open.popitem()[1].engine.dispose()
    with pytest.raises(StoreError) as caught:
        store.open_database(url)
    assert caught.value.code == "store.newer_database"


def test_processes_that_open_a_new_database_at_once_all_get_it(tmp_path: Path) -> None:
    code = (
        "from honekit.store.database import open_database, revision_of, REVISION;"
        f"assert revision_of(open_database('sqlite:///{tmp_path / 'a.db'}')) == REVISION"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(4)]
    faults = [worker.communicate(timeout=60)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4, faults
