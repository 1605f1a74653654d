"""Aliases: what applications call moves forward and back, and the history stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from honekit import deploy, registry
from honekit.errors import RegistryError

pytestmark = pytest.mark.both_databases

ALIAS = "iot@production"


def _versions(count: int) -> list[str]:
    return [registry.create_version("iot", f"ftjob-{number}", "b", "x", Path("/a"), f"y{number}").name for number in range(count)]


def test_an_alias_and_a_version_name_resolve_to_the_version() -> None:
    (name,) = _versions(1)
    deploy.promote(ALIAS, name, "gate passed")
    assert deploy.resolve(ALIAS) == deploy.resolve(name) == registry.get_version(name)


def test_an_unknown_name_is_answered_with_the_nearest_one() -> None:
    (name,) = _versions(1)
    deploy.promote(ALIAS, name, "ship")
    with pytest.raises(RegistryError) as caught:
        deploy.resolve("iot@prodution")
    assert caught.value.code == "registry.unknown_version"
    assert ALIAS in caught.value.what


def test_rollbacks_go_back_one_by_one_to_the_first() -> None:
    a, b, c = _versions(3)
    for name in (a, b, c):
        deploy.promote(ALIAS, name, "ship")
    assert [deploy.rollback(ALIAS).version for _ in range(2)] == [b, a]
    with pytest.raises(RegistryError) as caught:
        deploy.rollback(ALIAS)
    assert caught.value.code == "registry.nothing_before"
    assert deploy.resolve(ALIAS).name == a


def test_a_promotion_after_a_rollback_goes_back_to_what_was_live_before_it() -> None:
    a, b, c = _versions(3)
    deploy.promote(ALIAS, a, "ship")
    deploy.promote(ALIAS, b, "ship")
    deploy.rollback(ALIAS, "worse at night")
    deploy.promote(ALIAS, c, "ship")
    assert deploy.rollback(ALIAS).version == a


def test_a_version_that_comes_twice_is_no_trap() -> None:
    a, b, c = _versions(3)
    for name in (a, b, a, c):
        deploy.promote(ALIAS, name, "ship")
    assert [deploy.rollback(ALIAS).version for _ in range(3)] == [a, b, a]


def test_deleted_versions_are_passed_over() -> None:
    a, b, c = _versions(3)
    for name in (a, b, c):
        deploy.promote(ALIAS, name, "ship")
    registry.delete_version(b)
    assert deploy.rollback(ALIAS).version == a


def test_the_history_says_what_changed_and_why_newest_first() -> None:
    a, b = _versions(2)
    deploy.promote(ALIAS, a, "first")
    deploy.promote(ALIAS, b, "second")
    deploy.promote(ALIAS, b, "again: nothing changes")
    deploy.rollback(ALIAS, "worse")
    assert [(change.action, change.version, change.previous, change.reason) for change in deploy.history(ALIAS)] == [
        ("rollback", a, b, "worse"),
        ("promote", b, a, "second"),
        ("promote", a, None, "first"),
    ]


@pytest.mark.parametrize(
    ("alias", "code"),
    [
        ("iot", "registry.alias_syntax"),
        ("iot@", "registry.alias_syntax"),
        ("IoT@production", "registry.alias_syntax"),
        ("support@production", "registry.alias_project"),
    ],
)
def test_an_alias_of_the_wrong_form_or_project_is_refused(alias: str, code: str) -> None:
    (name,) = _versions(1)
    with pytest.raises(RegistryError) as caught:
        deploy.promote(alias, name, "x")
    assert caught.value.code == code
    assert deploy.list_aliases() == []


def test_an_unknown_alias_cannot_be_rolled_back() -> None:
    with pytest.raises(RegistryError) as caught:
        deploy.rollback(ALIAS)
    assert caught.value.code == "registry.unknown_alias"


def test_promotions_at_the_same_time_all_count() -> None:
    names = _versions(6)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda name: deploy.promote(ALIAS, name, "race"), names))
    changes = deploy.history(ALIAS)
    assert sorted(change.version for change in changes) == sorted(names)
    assert deploy.resolve(ALIAS).name == changes[0].version
    assert [change.previous for change in changes] == [*(change.version for change in changes[1:]), None]


def test_of_several_owners_aliases_of_one_name_the_command_lines_comes_first() -> None:
    made = {
        owner: registry.create_version("iot", f"ftjob-{owner}", "b", "x", Path("/a"), owner, owner=owner).name
        for owner in ("another", "default", "team")
    }
    for name in made.values():
        deploy.promote(ALIAS, name, "ship")
    assert deploy.resolve(ALIAS).name == made["default"]
    assert [alias.owner for alias in deploy.list_aliases()] == ["default", "another", "team"]
    assert [deploy.resolve(ALIAS, owner).name for owner in made] == list(made.values())
