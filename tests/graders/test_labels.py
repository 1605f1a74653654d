from __future__ import annotations

import pytest

from honekit.graders import classes, named_label
from honekit.graders.labels import strict_label
from honekit.project import OutputField

CATEGORY = OutputField(name="fault_class", type="enum", values=("Power", "Power_Loss", "Sensor_Fault", "a+b"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("POWER!", "Power"),
        ("it is power loss", "Power_Loss"),
        ("power-loss", "Power_Loss"),
        ("the sensor  fault", "Sensor_Fault"),
        ("powerful sensor_fault", "Sensor_Fault"),
        ("overpower", None),
        ("sensor faulty", None),
        ("power_supply", "Power"),
        ("a+b", "a+b"),
        ("aab", None),
        ("power cable; fault class: sensor fault", "Sensor_Fault"),
        ('{"cause": "power cut", "fault_class": "sensor_fault"', "Sensor_Fault"),
        ("**Fault-class** is `Sensor_Fault`, not power", "Sensor_Fault"),
        ("fault class unclear, power or sensor fault", "Power"),
        ("", None),
    ],
)
def test_the_class_after_the_fields_name_counts_then_the_one_named_first(text: str, expected: str | None) -> None:
    assert named_label(CATEGORY, text) == expected


def test_strictly_only_an_exact_class_counts() -> None:
    assert strict_label(CATEGORY, {"fault_class": "Power"}) == "Power"
    for wrong in ("power", " Power", None, ["Power"], 1):
        assert strict_label(CATEGORY, {"fault_class": wrong}) is None
    assert strict_label(CATEGORY, {}) is None
    assert strict_label(CATEGORY, None) is None


def test_null_is_the_last_class_of_a_nullable_enum() -> None:
    nullable = OutputField(name="x", type="enum", values=("a", "b"), nullable=True)
    assert classes(nullable) == ("a", "b", "null")
    retrieved = OutputField(name="x", type="enum", values=("a",), from_retrieval=True)
    assert classes(retrieved) == ("a", "null")
    assert classes(CATEGORY) == CATEGORY.values
    assert strict_label(nullable, {"x": None}) == "null"
