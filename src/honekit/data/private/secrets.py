"""Where a text holds a secret: provider keys, private keys, tokens, passwords.

The formats are detect-secrets' (run on the text, in process; nothing is sent anywhere to verify it) and those of a few
providers that it does not know. Its entropy detectors are left out: they flag every hash.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from functools import cache

from honekit.data.lines import Severity
from honekit.data.private.span import Span

_PLUGINS: tuple[tuple[str, str, str], ...] = (
    ("aws", "AWSKeyDetector", "an AWS key"),
    ("azure_storage_key", "AzureStorageKeyDetector", "an Azure storage key"),
    ("cloudant", "CloudantDetector", "a Cloudant key"),
    ("discord", "DiscordBotTokenDetector", "a Discord bot token"),
    ("github_token", "GitHubTokenDetector", "a GitHub token"),
    ("gitlab_token", "GitLabTokenDetector", "a GitLab token"),
    ("ibm_cloud_iam", "IbmCloudIamDetector", "an IBM Cloud key"),
    ("ibm_cos_hmac", "IbmCosHmacDetector", "an IBM COS key"),
    ("mailchimp", "MailchimpDetector", "a Mailchimp key"),
    ("npm", "NpmDetector", "an npm token"),
    ("pypi_token", "PypiTokenDetector", "a PyPI token"),
    ("sendgrid", "SendGridDetector", "a SendGrid key"),
    ("slack", "SlackDetector", "a Slack token"),
    ("softlayer", "SoftlayerDetector", "a SoftLayer key"),
    ("square_oauth", "SquareOAuthDetector", "a Square secret"),
    ("stripe", "StripeDetector", "a Stripe key"),
    ("telegram_token", "TelegramBotTokenDetector", "a Telegram bot token"),
    ("twilio", "TwilioKeyDetector", "a Twilio key"),
)
"""Module of `detect_secrets.plugins`, class, what it finds. Artifactory's is left out: serial numbers look like it;
OpenAI's takes quadratic time."""

_MORE_KEYS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("an Anthropic key", re.compile(r"\bsk-ant-[\w-]{20,}")),
    ("an OpenAI key", re.compile(r"\bsk-[\w-]{20,120}?T3BlbkFJ[A-Za-z0-9]{20}")),
    ("an OpenAI key", re.compile(r"\bsk-(?:(?:proj|svcacct|admin)-[\w-]{20,}|(?=[A-Za-z]*\d)[A-Za-z0-9]{32,})")),
    ("a Google API key", re.compile(r"\bAIza[\w-]{35}(?![\w-])")),
    ("a GitHub token", re.compile(r"\bgithub_pat_\w{40,}")),
    ("a Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{30,}\b")),
    ("an npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    ("a DigitalOcean token", re.compile(r"\bdo[opr]_v1_[a-f0-9]{64}\b")),
    ("a Groq key", re.compile(r"\bgsk_[A-Za-z0-9]{50,}\b")),
    ("a Google OAuth secret", re.compile(r"\bGOCSPX-[\w-]{28}(?![\w-])")),
    ("a Shopify token", re.compile(r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b")),
    ("a Databricks token", re.compile(r"\bdapi[a-f0-9]{32}(?:-\d)?\b")),
    ("a Vault token", re.compile(r"\bhvs\.[\w-]{24,}")),
    ("a Grafana token", re.compile(r"\bgl(?:sa|c)_[A-Za-z0-9+/=_]{32,}")),
    ("a Postman key", re.compile(r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{34}\b")),
    ("a Linear key", re.compile(r"\blin_api_[A-Za-z0-9]{40}\b")),
)
"""Of a known beginning and length; the documentation of each provider, or its entry in GitHub's list of scanned secrets."""
_JWT = re.compile(r"\beyJ[\w-]+=*\.[\w-]+=*(?:\.[\w.+/=-]*)?")
_PRIVATE_KEY = re.compile(r"-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----|PuTTY-User-Key-File-[23]")
MAX_KEY_CHARACTERS = 20_000
_URL_PASSWORD = re.compile(r"://[^\s:/?#\[\]@!$&'()*+,;=\"<>{}]{1,64}:([^\s/:?#@\"'<>{}$]{3,128})@(?!example\.)")
_NAMED = re.compile(
    r"(?:\b|_)(?P<name>pass(?:word|wd|phrase|code)|(?<=_)pass(?=[\"'`\]]{0,2}\s{0,3}[:=])|pass(?=\s?=)"
    r"|pwd|passwort|secret(?:[_ -]?(?:access[_ -]?)?key)?|api[_ -]?key|"
    r"access[_ -]?key|private[_ -]?key|(?:(?:auth|access|api|refresh|session|bot)[_ -]?)?token)[\"'`\]]{0,2}"
    r"(?:\s{0,3}(?::=|=>|={1,3}|:)\s{0,3}|\s(?:is|was|to)(?:\snow)?\s?:?\s)[\"'`]?(?P<value>[^\s\"'`,;<>|]{6,200})",
    re.IGNORECASE,
)
_CALLED = {"pass": "password"}
_SAID = re.compile(
    r"\b(?P<name>password|passwort|passcode|pwd) [\"'`]?(?P<value>(?!SHA|AES|PBKDF)"
    r"(?=[^\s\d]*\d)(?=(?:[^\s\d]*\d){2}|[\w-]*[!@#$%^&*+=?]\w)(?=[^\s]*[a-z])(?=[^\s]*[A-Z]|[\w-]*[!@#$%^&*+=?]\w)"
    r"[\w!@#$%^&*+=?-]{8,64})(?![\w/])",
)
"""`log in with password Wint3r!2024`: no word of a sentence has capitals, small letters and two digits."""
_BASIC = re.compile(r"\bBasic\s+(?P<value>[A-Za-z0-9+/]{12,}={0,2})(?![\w+/=])")
_BEARER = re.compile(r"\bBearer\s+(?P<value>[A-Za-z0-9._~+/-]{20,}=*)")
_PLACEHOLDER = re.compile(
    r"your|example|placeholder|redacted|xxx|\*\*|\.\.\.|…|change.?me|dummy|insert|replace|todo|environ|getenv|process\.env|[({\[\\]|^[$%<*@/~]|ctrl|"
    r"^[a-z_]+(?:\.[a-z_]+)+$|//|^(?:str|string\d*|none|null|true|false)\b",
    re.IGNORECASE,
)
_KEY_CUES = (
    r"(?i)\b(?:AKIA|ASIA|ABIA|ACCA|A3T|gh[pousr]_|do[opr]_v1_|gsk_|GOCSPX-|shp[acps]{2}_|dapi[0-9a-f]|hvs\.|gl(?:sa|c)_|PMAK-|lin_api_|gl[a-z]{2,5}-|xox[a-z]-|sk[-_]|rk_live|pypi-|SG\.|sq0csp|eyJ|AIza|github_pat_|hf_)|"
    r"AccountKey=|cloudant|softlayer|ibm|aws|hooks\.slack|npm_|_authToken|PRIVATE KEY|PuTTY|[0-9a-z]{32}|\d{8,10}:[\w-]{35}|"
    r"[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27}"
)
_NAME_CUES = r"(?i)pass(?:w|ph|c|[\"'`\]]{0,2}\s{0,3}[:=])|pwd|secret|(?:api|access|private|secret)[ _-]?key|token[\"'`\]]{0,2}\s{0,3}(?:[:=]|is|was)|bearer|\bbasic\s|://[^\s@/]{1,64}:[^\s@]{3,128}@"


@cache
def _plugin_patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    import importlib

    modules = ((importlib.import_module(f"detect_secrets.plugins.{module}"), name, what) for module, name, what in _PLUGINS)
    return tuple((pattern, what) for module, name, what in modules for pattern in getattr(module, name)().denylist)


def _provider_keys(text: str) -> Iterator[Span]:
    yield from _private_keys(text)
    yield from _keys(text)
    yield from _jwts(text)


def _passwords(text: str) -> Iterator[Span]:
    yield from _url_passwords(text)
    yield from _basic(text)
    yield from _named(text)


def _private_keys(text: str) -> Iterator[Span]:
    done = 0
    for match in _PRIVATE_KEY.finditer(text):
        if match.start() < done:
            continue
        last = f"-----END {match[1]}-----"
        end = text.find(last, match.end(), match.end() + MAX_KEY_CHARACTERS) if match[1] else -1
        done = match.end() if end < 0 else end + len(last)
        yield Span(match.start(), done, "data.secrets.private_key", "error", "a private key")


def _keys(text: str) -> Iterator[Span]:
    for what, pattern in _MORE_KEYS:
        for match in pattern.finditer(text):
            if not _PLACEHOLDER.search(match[0]):
                yield _key(match.start(), match[0], what)
    for pattern, what in _plugin_patterns():
        for match in pattern.finditer(text):
            # Some patterns have the secret in a group, others only a part of it.
            group = max(range(len(match.groups()) + 1), key=lambda n: (len(match[n] or "") >= 16 and n > 0, n == 0))
            yield _key(match.start(group), match[group], what)


def _key(start: int, value: str, what: str) -> Span:
    # Keys of providers' manuals end so, e.g. AKIAIOSFODNN7EXAMPLE.
    severity: Severity = "warning" if "EXAMPLE" in value.upper() else "error"
    return Span(start, start + len(value), "data.secrets.api_key", severity, what)


def _jwts(text: str) -> Iterator[Span]:
    from detect_secrets.plugins.jwt import JwtTokenDetector

    for match in _JWT.finditer(text):
        token = match[0].rstrip(".")
        if JwtTokenDetector.is_formally_valid(token):
            yield Span(match.start(), match.start() + len(token), "data.secrets.jwt", "error", "a signed token (JWT)")


def _url_passwords(text: str) -> Iterator[Span]:
    for match in _URL_PASSWORD.finditer(text):
        if not _PLACEHOLDER.search(match[1]) and match[1].lower() not in {"password", "pass", "secret", "token", "pwd"}:
            yield Span(match.start(1), match.end(1), "data.secrets.url_password", "error", "a password in a URL")


def _named(text: str) -> Iterator[Span]:
    for match in (*_BEARER.finditer(text), *_NAMED.finditer(text), *_SAID.finditer(text)):
        value = match["value"].rstrip(".:!?)]}")
        name = match.groupdict().get("name", "bearer token").lower()
        if _looks_secret(value, name):
            start = match.start("value")
            yield Span(start, start + len(value), "data.secrets.password", "warning", f"a {_CALLED.get(name, name)}")


def _basic(text: str) -> Iterator[Span]:
    """User and password of HTTP's basic authentication, which is no encryption."""
    for match in _BASIC.finditer(text):
        try:
            user, colon, password = base64.b64decode(match["value"], validate=True).decode().partition(":")
        except (ValueError, UnicodeDecodeError):
            continue
        if user and colon and user.isprintable() and _looks_secret(password, "password"):
            yield Span(
                match.start("value"), match.end("value"), "data.secrets.password", "error", "a password (basic authentication)"
            )


def _looks_secret(value: str, name: str) -> bool:
    """Letters and digits or signs together, no placeholder, no reference to a variable, no plain identifier."""
    from detect_secrets.filters.heuristic import is_potential_uuid, is_sequential_string

    if len(value) < (16 if name.lower().endswith("token") else 6) or _PLACEHOLDER.search(value):
        return False
    if not (re.search(r"[A-Za-z]", value) and re.search(r"\d", value)):
        return False
    return not is_sequential_string(value) and not is_potential_uuid(value)


SECRETS: tuple[tuple[str, Callable[[str], Iterator[Span]]], ...] = ((_KEY_CUES, _provider_keys), (_NAME_CUES, _passwords))
"""As `honekit.data.private.personal.PERSONAL`."""
