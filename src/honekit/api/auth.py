"""API keys: `hone-` + 256 random bits + a checksum. Only the SHA-256 is stored; a key is shown once, when it is made.

A key belongs to one project (OpenAI's: who owns files, jobs and models) and has one scope, each of which includes the
one before it: `read` (look at what the project has, and use models), `write` (make, change and delete it, which includes
storing answers), `admin` (share checkpoints with other projects, make and revoke its keys).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Row, delete, insert, or_, select, true, update

from honekit.errors import ServeError
from honekit.store.database import open_database
from honekit.store.tables import DEFAULT_OWNER, api_keys, new_id

Scope = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

PREFIX = "hone-"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM, _CHECK = 43, 6
"""Base-62 digits that hold 256 and 32 bits."""
_SHOWN = len(PREFIX) + 6
_KEY = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM + _CHECK}}}")
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
MAX_NAME = 255
"""Characters of a key's name."""
_USE_NOTED_EVERY_S = 60.0


@dataclass(frozen=True)
class ApiKey:
    """What is known of a key once it was made: not the key."""

    id: str
    name: str
    prefix: str
    """The beginning of the key, to tell one from another."""
    owner: str
    """Its project."""
    scope: Scope
    created_at: float
    last_used_at: float | None
    """To within a minute."""
    revoked_at: float | None

    def may(self, scope: Scope) -> bool:
        """Whether the key's scope includes this one."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def create_key(
    name: str = "",
    *,
    project: str = DEFAULT_OWNER,
    scope: Scope = "write",
    noted: Callable[[Connection, str], None] | None = None,
) -> tuple[str, ApiKey]:
    """A new key and its record. The key itself cannot be had again. `noted` is called with its id in the transaction that
    keeps it. Raises: ServeError[serve.project_name | serve.scope | serve.key_name].
    """
    check_project(project)
    if len(name.strip()) > MAX_NAME:
        raise ServeError(
            "serve.key_name",
            what=f"the name of a key has at most {MAX_NAME} characters, this one {len(name.strip())}",
            mend="choose a shorter one",
        )
    if scope not in SCOPES:
        raise ServeError("serve.scope", what=f"there is no scope {scope[:80]!r}", mend=f"use one of: {', '.join(SCOPES)}")
    secret = _new_secret()
    key = ApiKey(new_id("key_"), name.strip() or "unnamed", secret[:_SHOWN], project, scope, time.time(), None, None)
    with open_database().write() as connection:
        if noted:
            noted(connection, key.id)
        connection.execute(insert(api_keys).values(**asdict(key), key_hash=_hash(secret)))
    return secret, key


def renew_key(key: ApiKey) -> tuple[str, ApiKey]:
    """Give a key a new value: as `create_key` returns it. The old one is useless from now on."""
    secret = _new_secret()
    key = replace(key, prefix=secret[:_SHOWN])
    with open_database().write() as connection:
        values = {"prefix": key.prefix, "key_hash": _hash(secret)}
        connection.execute(update(api_keys).where(api_keys.c.id == key.id).values(values))
    return secret, key


def check_project(name: str) -> None:
    """Raises: ServeError[serve.project_name] when no project can have this name."""
    if not _PROJECT.fullmatch(name):
        raise ServeError(
            "serve.project_name",
            what=f"{name[:80]!r} is not a name for a project",
            mend="use 1 to 64 lower-case letters, digits, - or _, beginning with a letter or digit",
        )


def local_key(project: str) -> ApiKey:
    """What stands for a key when the user of this machine calls the application in their own process. It has no secret.

    Raises: ServeError[serve.project_name].
    """
    check_project(project)
    return ApiKey("key_local", "command line", "", project, "admin", time.time(), None, None)


def list_keys(project: str | None = None) -> list[ApiKey]:
    """All keys, or those of one project, newest first, revoked ones too."""
    own = true() if project is None else api_keys.c.owner == project
    with open_database().read() as connection:
        query = select(api_keys).where(own).order_by(api_keys.c.created_at.desc(), api_keys.c.id)
        return [_key(row) for row in connection.execute(query)]


def revoke_key(id_or_prefix: str) -> ApiKey:
    """Make a key useless from the next request on. Revoking it twice changes nothing.

    Takes the id, the whole key, or the shown beginning when only one key has it. Raises:
    ServeError[serve.unknown_key | serve.ambiguous_key].
    """
    shown = id_or_prefix[:_SHOWN] if id_or_prefix.startswith(PREFIX) else id_or_prefix
    with open_database().write() as connection:
        whole = _KEY.fullmatch(id_or_prefix) is not None
        by_part = or_(api_keys.c.id == id_or_prefix, api_keys.c.prefix == shown)
        query = select(api_keys).where(api_keys.c.key_hash == _hash(id_or_prefix) if whole else by_part)
        rows = connection.execute(query).all()
        if len(rows) != 1:
            raise not_one_key(shown, len(rows))
        key = _key(rows[0])
        if key.revoked_at is None:
            key = ApiKey(**{**asdict(key), "revoked_at": time.time()})
            connection.execute(update(api_keys).where(api_keys.c.id == key.id).values(revoked_at=key.revoked_at))
    return key


def forget_key(key_id: str) -> None:
    """Remove a key that only this process knew: a revoked one would be listed for ever."""
    with open_database().write() as connection:
        connection.execute(delete(api_keys).where(api_keys.c.id == key_id))


def not_one_key(named: str, found: int) -> ServeError:
    """The error for a key that is named so that none or several are meant. Of a whole key only the beginning is repeated."""
    return ServeError(
        "serve.ambiguous_key" if found else "serve.unknown_key",
        what="several keys begin like this" if found else "there is no such key",
        where=named[:_SHOWN] if named.startswith(PREFIX) else named,
        mend="give the id that `hone keys list` shows",
    )


def is_misspelt(named: str) -> bool:
    """Whether this is a whole key with a slip in it, as its last letters tell."""
    return _KEY.fullmatch(named) is not None and named[-_CHECK:] != _checksum(named[len(PREFIX) : -_CHECK])


def verify(secret: str) -> ApiKey | None:
    """The record of a valid key; None for anything else. Misspelt keys are told by the checksum, without the database."""
    if not _KEY.fullmatch(secret) or is_misspelt(secret):
        return None
    digest = _hash(secret)
    database = open_database()
    with database.read() as connection:
        row = connection.execute(select(api_keys).where(api_keys.c.key_hash == digest)).first()
    if row is None or not hmac.compare_digest(row.key_hash, digest) or row.revoked_at is not None:
        return None
    now = time.time()
    if row.last_used_at is None or now - row.last_used_at > _USE_NOTED_EVERY_S:
        with database.write() as connection:
            connection.execute(update(api_keys).where(api_keys.c.id == row.id).values(last_used_at=now))
    return _key(row)


def bearer(header: str | None) -> str | None:
    """The key in an Authorization header."""
    scheme, _, secret = (header or "").strip().partition(" ")
    return secret.strip() or None if scheme.lower() == "bearer" else None


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(**{name: row._mapping[name] for name in ApiKey.__dataclass_fields__})


def _new_secret() -> str:
    digits = _base62(secrets.randbits(256), _RANDOM)
    return PREFIX + digits + _checksum(digits)


def _hash(secret: str) -> str:
    # A plain hash is enough for 256 random bits: there is nothing to guess that salt or slowness would protect.
    return hashlib.sha256(secret.encode()).hexdigest()


def _checksum(digits: str) -> str:
    return _base62(zlib.crc32(digits.encode()), _CHECK)


def _base62(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return digits
