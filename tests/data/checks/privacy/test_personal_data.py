from __future__ import annotations

from honekit.chat.messages import FunctionCall, Message, ToolCall
from honekit.data.chat import ChatExample
from honekit.data.checks import CheckOptions
from honekit.data.checks.privacy.personal_data import PrivacyCheck
from honekit.data.lines import Finding


def _check(*conversations: list[Message]) -> list[Finding]:
    check = PrivacyCheck(CheckOptions())
    found = [f for line, messages in enumerate(conversations, 1) for f in check.see(ChatExample(messages, None, line))]
    return [*found, *check.finish()]


def test_a_finding_names_the_field_and_never_the_value() -> None:
    call = ToolCall(FunctionCall("mail", '{"to": "jane.doe@gmail.com"}'))
    found = _check([Message("user", "I am jane.doe@gmail.com and tom.roe@gmail.com"), Message("assistant", tool_calls=[call])])
    fields = ["messages[0].content", "messages[1].tool_calls[0].function.arguments"]
    assert [(f.code, f.severity, f.line, f.field) for f in found] == [
        ("data.privacy.email", "warning", 1, field) for field in fields
    ]
    assert found[0].message.endswith("and 1 more")
    assert not any("jane" in f.message or "tom" in f.message for f in found)


def test_addresses_of_devices_are_advice_and_named_one_by_one_where_they_are_few() -> None:
    log = [Message("user", "gw-2 a4:c1:38:5e:10:2b is gone"), Message("assistant", "offline")]
    found = _check(log, [Message("user", "nothing here"), Message("assistant", "ok")], log)
    assert [(f.code, f.severity, f.line) for f in found] == [("data.privacy.mac", "advice", 1), ("data.privacy.mac", "advice", 3)]


def test_addresses_of_many_devices_are_advice_once_for_the_file() -> None:
    log = [Message("user", "gw-2 10.0.4.9 lost a4:c1:38:5e:10:2b"), Message("assistant", "offline")]
    found = _check([Message("user", "nothing here"), Message("assistant", "ok")], log, log, log, log)
    assert [(f.code, f.severity, f.line) for f in found] == [
        ("data.privacy.private_ip", "advice", 2),
        ("data.privacy.mac", "advice", 2),
    ]
    assert "4 records" in found[0].message
