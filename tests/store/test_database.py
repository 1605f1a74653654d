"""Opening the database, its transactions, and what a user is told when it fails."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import func, insert, select, text, update

from honekit.errors import StoreError
from honekit.store import database as store
from honekit.store.database import open_database
from honekit.store.tables import api_keys
from honekit.store.texts import NulRefused


def _key(number: int) -> dict[str, object]:
    return {"id": str(number), "name": "n" * 500, "key_hash": str(number), "prefix": "hk", "created_at": 1.0}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'a.db'}"


def test_sqlite_syncs_each_commit_and_keeps_foreign_keys(url: str) -> None:
    with open_database(url).read() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_only_a_transaction_that_asks_for_it_does_not_wait_for_the_disk(url: str) -> None:
    database = open_database(url)
    found = []
    for forced in (True, False, True):
        with database.write(forced=forced) as connection:
            found.append(connection.exec_driver_sql("PRAGMA synchronous").scalar())
    assert found == [2, 1, 2]


def test_a_transaction_that_raises_leaves_nothing(url: str) -> None:
    database = open_database(url)

    def interrupted() -> None:
        with database.write() as connection:
            connection.execute(insert(api_keys).values(_key(1)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with database.read() as connection:
        assert connection.execute(select(api_keys)).all() == []


def test_of_the_threads_of_a_process_one_asks_sqlite_for_its_lock(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BUSY_TIMEOUT_S", 0.2)
    database = open_database(url)

    def write() -> None:
        with database.write():
            raise AssertionError("there is somebody who writes")

    with database.write(), ThreadPoolExecutor(1) as other:
        waiting = other.submit(write)
        with pytest.raises(StoreError, match="locked for more than") as caught:
            waiting.result()
        assert database.engine.pool.checkedout() == 1  # type: ignore[attr-defined]
    assert caught.value.code == "store.busy"
    with database.write() as connection:
        connection.execute(insert(api_keys).values(_key(1)))


def test_postgresql_does_not_let_others_wait_without_end_for_a_process_that_stands_still(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BUSY_TIMEOUT_S", 0.3)
    monkeypatch.setattr(store, "STILL_S", 1.5)
    database = store._connect(postgresql_url)
    with database.write() as connection:
        connection.execute(insert(api_keys).values({**_key(1), "name": "mine"}))
    change = update(api_keys).where(api_keys.c.id == "1")

    def others() -> str:
        for _ in range(100):
            with suppress(StoreError), database.write() as connection:
                connection.execute(change.values(name="theirs"))
                return "theirs"
        return "nobody"

    def at_once() -> None:
        with database.write() as connection:
            connection.execute(change.values(name="too early"))

    def one_that_stands_still() -> None:
        with database.write() as connection:
            connection.execute(change.values(name="lost"))
            with pytest.raises(StoreError, match="locked for more than"):
                at_once()
            assert others() == "theirs"
            connection.execute(change.values(name="too late"))

    with pytest.raises(StoreError) as lost:
        one_that_stands_still()
    assert lost.value.code == "store.unusable"
    with database.read() as connection:
        assert connection.execute(select(api_keys.c.name)).scalar() == "theirs"
    database.engine.dispose()


@pytest.mark.parametrize("many", [False, True])
def test_a_text_with_a_nul_is_refused_before_any_database_sees_it(url: str, many: bool) -> None:
    rows = [{**_key(1), "name": "a\0b"}] if not many else [_key(2), {**_key(1), "name": "a\0b"}]
    with pytest.raises(NulRefused) as caught, open_database(url).write() as connection:
        connection.execute(insert(api_keys), rows if many else rows[0])
    assert (caught.value.code, caught.value.text, caught.value.where) == ("store.nul", "a\0b", r"'a\x00b'")
    with pytest.raises(NulRefused), open_database(url).read() as connection:
        connection.execute(select(api_keys).where(api_keys.c.id == "\0"))


def test_a_second_open_is_the_same_database_and_does_not_load_alembic(url: str) -> None:
    assert open_database(url) is open_database(url)
    code = f"import sys; from honekit.store import database;database.open_database({url!r}); assert 'alembic' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_full_disk_names_the_free_space_and_loses_nothing_that_was_committed(url: str) -> None:
    database = open_database(url)
    with database.write() as connection:
        connection.execute(insert(api_keys).values(_key(0)))

    def fill() -> None:
        with database.write() as connection:
            # The page limit makes SQLite itself report SQLITE_FULL, the code of a full disk.
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
            connection.execute(insert(api_keys), [_key(number) for number in range(1, 500)])

    with pytest.raises(StoreError) as caught:
        fill()
    assert caught.value.code == "store.disk_full"
    assert "bytes free" in caught.value.what
    with database.read() as connection:
        assert [row.id for row in connection.execute(select(api_keys))] == ["0"]


@pytest.mark.parametrize(("free", "code"), [(0, "store.disk_full"), (1 << 20, "store.unusable")])
def test_an_io_error_without_room_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, code: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=free))
    fault = sqlite3.OperationalError("disk I/O error")
    fault.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    assert store.store_error(fault, str(tmp_path / "a.db")).code == code


def test_a_database_that_may_not_be_written_says_so(url: str) -> None:
    database = open_database(url)
    with database.read() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(StoreError) as caught, database.write() as connection:
        connection.execute(insert(api_keys).values(_key(1)))
    assert caught.value.code == "store.read_only"


def test_a_file_that_is_no_database_is_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "b.db").write_bytes(b"not a database " * 100)
    with pytest.raises(StoreError) as caught:
        open_database(f"sqlite:///{tmp_path / 'b.db'}")
    assert caught.value.code == "store.damaged"


def test_a_missing_folder_is_called_unusable(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        open_database(f"sqlite:///{tmp_path / 'missing' / 'c.db'}")
    assert caught.value.code == "store.unusable"
    assert "missing" in str(caught.value.where)


def test_numbers_that_json_lacks_are_stored_as_null(url: str) -> None:
    from honekit.store.tables import evaluations

    values = {"a": [float("nan"), 1.5], "b": {"c": float("inf")}}
    database = open_database(url)
    with database.write() as connection:
        connection.execute(
            insert(evaluations).values(id="e", project="p", report_path="r", fingerprints=values, verdict="ship", created_at=1.0)
        )
    with database.read() as connection:
        assert connection.execute(select(evaluations.c.fingerprints)).scalar() == {
            "a": [None, 1.5],
            "b": {"c": None},
        }


def test_no_commit_is_lost_when_many_processes_write_at_once(url: str) -> None:
    open_database(url)
    code = (
        "import sys; from sqlalchemy import insert, select\n"
        "from honekit.store.database import open_database; from honekit.store.tables import api_keys\n"
        "for _ in range(25):\n"
        "    with open_database(sys.argv[1]).write() as connection:\n"
        "        seen = str(len(connection.execute(select(api_keys.c.id)).all()))\n"
        "        row = {'id': seen, 'name': '', 'key_hash': seen, 'prefix': '', 'created_at': 0.0}\n"
        "        connection.execute(insert(api_keys).values(row))\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(3)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    with open_database(url).read() as connection:
        assert connection.execute(select(func.count()).select_from(api_keys)).scalar() == 75


def test_a_new_database_in_a_directory_that_others_read_is_closed_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "shared"
    home.mkdir(mode=0o755)
    monkeypatch.setenv("HONE_HOME", str(home))
    monkeypatch.delenv("HONE_DATABASE_URL", raising=False)
    with open_database().write() as connection:
        connection.execute(text("SELECT 1"))
        found = [*home.glob("hone.db"), *home.glob("hone.db-*")]
        assert len(found) > 1
        assert [file.name for file in found if file.stat().st_mode & 0o077] == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("hone.db", "no database's URL"),
        ("postgresql://u:hush@host:port/hone", "no database's URL"),
        ("postgresql+nope://u:hush@host/hone", "no database's URL"),
        ("mysql://u:hush@host/hone", "in SQLite or PostgreSQL, not in mysql"),
    ],
)
def test_what_is_no_database_of_hones_is_told_without_its_password(url: str, told: str) -> None:
    with pytest.raises(StoreError) as fault:
        open_database(url)
    assert fault.value.code == "store.bad_url"
    assert told in str(fault.value.what)
    assert "hush" not in str(fault.value.as_dict())


def test_postgres_as_some_hosts_write_it_is_postgresql() -> None:
    parsed = store._parsed("postgres://u:p@host/hone")
    assert parsed == store._parsed("postgresql://u:p@host/hone")
    assert parsed.drivername == "postgresql+psycopg"
