from __future__ import annotations

import pytest
from sqlalchemy import select

from honekit.api import auth
from honekit.errors import ServeError
from honekit.store.database import open_database
from honekit.store.tables import api_keys


def test_a_key_is_random_valid_and_stored_only_as_a_hash() -> None:
    first, record = auth.create_key("laptop")
    second, _ = auth.create_key("laptop")
    assert first != second
    assert first.startswith("hone-")
    found = auth.verify(first)
    assert found is not None
    assert (found.id, found.name, found.prefix) == (record.id, "laptop", first[:11])
    with open_database().read() as connection:
        stored = " ".join(str(row) for row in connection.execute(select(api_keys)))
    assert first not in stored
    assert first[len(record.prefix) :] not in stored


def test_all_256_bits_fit_and_small_numbers_keep_their_length(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (0, 2**256 - 1):
        monkeypatch.setattr(auth.secrets, "randbits", lambda _bits, number=number: number)
        secret, _ = auth.create_key()
        assert len(secret) == 54
        assert auth.verify(secret)


def test_a_misspelt_key_is_told_without_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    secret, _ = auth.create_key()
    wrong = secret[:10] + ("a" if secret[10] != "a" else "b") + secret[11:]
    monkeypatch.setattr(auth, "open_database", lambda: pytest.fail("the database was asked"))
    for text in (wrong, secret[:-1], secret + "0", "sk-1234", "", "hone-", "hone-é" + "x" * 48):
        assert auth.verify(text) is None


def test_a_well_formed_key_that_was_never_made_is_refused() -> None:
    digits = "A" * 43
    assert auth.verify("hone-" + digits + auth._checksum(digits)) is None


@pytest.mark.parametrize("by", ["id", "prefix", "key"])
def test_a_revoked_key_is_refused_however_it_was_named(by: str) -> None:
    secret, record = auth.create_key()
    revoked = auth.revoke_key({"id": record.id, "prefix": record.prefix, "key": secret}[by])
    assert revoked.revoked_at is not None
    assert auth.verify(secret) is None
    assert auth.revoke_key(record.id).revoked_at == revoked.revoked_at


def test_revoking_needs_one_key_that_exists() -> None:
    with pytest.raises(ServeError) as caught:
        auth.revoke_key("key_nothing")
    assert caught.value.code == "serve.unknown_key"
    secret, _ = auth.create_key()
    other = secret[:-1] + ("0" if secret[-1] != "0" else "1")
    with pytest.raises(ServeError) as caught:
        auth.revoke_key(other)  # a whole key never means its neighbour
    assert caught.value.code == "serve.unknown_key"


def test_a_forgotten_key_is_refused_and_not_listed() -> None:
    secret, key = auth.create_key(name="for one check")
    auth.forget_key(key.id)
    assert auth.verify(secret) is None
    assert key.id not in {one.id for one in auth.list_keys()}


def test_last_use_is_noted_but_not_at_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    secret, record = auth.create_key()

    def last_used() -> float | None:
        return next(key.last_used_at for key in auth.list_keys() if key.id == record.id)

    assert last_used() is None
    monkeypatch.setattr(auth.time, "time", lambda: 1000.0)
    auth.verify(secret)
    monkeypatch.setattr(auth.time, "time", lambda: 1030.0)
    auth.verify(secret)
    assert last_used() == 1000.0
    monkeypatch.setattr(auth.time, "time", lambda: 1061.0)
    auth.verify(secret)
    assert last_used() == 1061.0


@pytest.mark.parametrize(
    ("header", "key"),
    [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", None), ("Bearer", None), (None, None), ("", None)],
)
def test_the_key_is_read_from_a_bearer_header_only(header: str | None, key: str | None) -> None:
    assert auth.bearer(header) == key
