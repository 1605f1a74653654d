from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honekit.data.private.find import find_private, masked

# Keys are put together here, so that no scanner of this repository takes them for real ones.
GITHUB = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"
AWS = "AKIA" + "Q7RZX3PLMD2K9TBV"
JWT = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PRIVATE = f"-----BEGIN RSA {'PRIVATE'} KEY-----\nMIIEow\n-----END RSA {'PRIVATE'} KEY-----"

PRIVATE_TEXTS = [
    ("Please write to jane.doe@gmail.com today.", "data.privacy.email", "jane.doe@gmail.com"),
    ("Ring +44 20 7946 0958 before noon.", "data.privacy.phone", "+44 20 7946 0958"),
    ("Ring +1 (555) 123-4567 before noon.", "data.privacy.phone", "+1 (555) 123-4567"),
    ("You reach him at (415) 555-2671.", "data.privacy.phone", "(415) 555-2671"),
    ("my mobile: 07700 900123", "data.privacy.phone", "07700 900123"),
    ("My number is 98765 43210.", "data.privacy.phone", "98765 43210"),
    ("Numaram 0532 418 73 96.", "data.privacy.phone", "0532 418 73 96"),
    ("Mój numer to 601 234 567.", "data.privacy.phone", "601 234 567"),
    ("Meine Nummer ist 0171 2345678.", "data.privacy.phone", "0171 2345678"),
    ("Rufen Sie mich zurück unter 030 4567 8901.", "data.privacy.phone", "030 4567 8901"),
    ("رقمي 0501234567 من فضلك", "data.privacy.phone", "0501234567"),
    ("मेरा नंबर 98765 43210 है", "data.privacy.phone", "98765 43210"),
    ("O meu telemóvel é 912 345 678.", "data.privacy.phone", "912 345 678"),
    ("charge 4539 5787 6362 1486 please", "data.privacy.card", "4539 5787 6362 1486"),
    ("my Visa 4539578763621486 expires soon", "data.privacy.card", "4539578763621486"),
    ("pay to DE89 3704 0044 0532 0130 00 NOW", "data.privacy.iban", "DE89 3704 0044 0532 0130 00"),
    ("her SSN is 078-05-1120", "data.privacy.national_id", "078-05-1120"),
    ("NHS no 943 476 5919 for the claim", "data.privacy.national_id", "943 476 5919"),
    ("Mein Steuer-ID lautet 36 574 261 809.", "data.privacy.national_id", "36 574 261 809"),
    ("o CPF 390.533.447-05 consta", "data.privacy.national_id", "390.533.447-05"),
    ("su DNI es 12345678Z", "data.privacy.national_id", "12345678Z"),
    ("passport C01X00T47 expires in May", "data.privacy.national_id", "C01X00T47"),
    ("iban de89370400440532013000", "data.privacy.iban", "de89370400440532013000"),
    ("npm_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", "data.secrets.api_key", "npm_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"),
    ("dop_v1_" + "0123456789abcdef" * 4, "data.secrets.api_key", "dop_v1_" + "0123456789abcdef" * 4),
    ("Authorization: Basic " + "b3BzOlMzY3IzdFBhc3N3MHJkIQ==", "data.secrets.password", "b3BzOlMzY3IzdFBhc3N3MHJkIQ=="),
    ("Tokyo office 03-5412-7781", "data.privacy.phone", "03-5412-7781"),
    ("010-2345-6789 입니다", "data.privacy.phone", "010-2345-6789"),
    ("the customer signed in from 84.23.11.7", "data.privacy.ip", "84.23.11.7"),
    ("host 192.168.1.20 is down", "data.privacy.private_ip", "192.168.1.20"),
    ("route to fe80::1ff:fe23:4567:890a lost", "data.privacy.private_ip", "fe80::1ff:fe23:4567:890a"),
    ("node a4:c1:38:5e:10:2b left", "data.privacy.mac", "a4:c1:38:5e:10:2b"),
    ("port 12 learnt 9c5a.44e0.b71f again", "data.privacy.mac", "9c5a.44e0.b71f"),
    ("post an lena.voss [at] mailbox [dot] org bitte", "data.privacy.email", "lena.voss [at] mailbox [dot] org"),
    ("unter 0176/5550 1234 oder", "data.privacy.phone", "0176/5550 1234"),
    ("au 07.82.45.19.60 le soir", "data.privacy.phone", "07.82.45.19.60"),
    (f"export KEY={AWS}", "data.secrets.api_key", AWS),
    (f"git clone with {GITHUB}", "data.secrets.api_key", GITHUB),
    (f"cookie {JWT}", "data.secrets.jwt", JWT),
    (f"here:\n{PRIVATE}\nkeep it", "data.secrets.private_key", PRIVATE),
    ("postgres://admin:s3cr3tPw@db.acme.io/x", "data.secrets.url_password", "s3cr3tPw"),
    ("DB_PASSWORD=Pa55w0rd!x", "data.secrets.password", "Pa55w0rd!x"),
    ("The wifi password is Tr0ub4dor&3.", "data.secrets.password", "Tr0ub4dor&3"),
]

HARMLESS = [
    "order 4539578763621486 was shipped",
    "The tracking number is 123456789.",
    "Order 112-3456789-1234567, invoice 2024-000123-77",
    "part no 415-555-2671",
    "at 2024-01-05 10:22:33.123456, epoch 1700000000",
    "version 4.2.1.3 after firmware 10.2.4.17",
    "see section 4.2.1.3",
    "ISBN 978-3-16-148410-0, EAN 4006381333931, IMEI 490154203237518",
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b",
    "uuid 550e8400-e29b-41d4-a716-446655440000",
    "write to info@acme.com, jane@example.com or jane@acme.example",
    "mysql://store:REDACTED-1@db.acme.io/x, git@github.com:acme/shop.git",
    "127.0.0.1:8080, 192.0.2.14, 2001:db8::7, 8.8.8.8 and 255.255.255.0",
    "call +1 212-555-0123",
    "std::vector<int> a::b; logo@2x.png; npm i @types/node",
    "the password must have 8 characters",
    "password = os.environ['DB_PASSWORD']; password=${DB_PASS}; api_key: <your key>",
    "max_tokens=4096, token budget: 2048000",
    "pump-14 P-310 23.7 A at 10:41:09, serial 00-1B-63-84",
    "lat 52.520008, 13.404954; 1,234,567.89; 3.14159265358979",
    "Call ID 8005551234 was logged at 14:22",
    "Upgrade from 12.4.0.1 to 12.5.3.44; nginx/1.18.0.2; Chrome/120.0.6099.109; OID 1.3.6.1.4.1.311",
    "the network 192.168.0.0/24, PWD=/var/lib/app2, access key: Ctrl+Alt+1, token: [CLS] word1",
    "case number 2:21-cv-00456, DOI 10.1145/3292500.3330701, VIN 1HGCM82633A004352, ticket 125-2345678901",
    "api_key = settings.API_KEY; token = generate_token(user_id=12345); skip sk_buff and secret_santa=2024list",
    "the sin of 046 454 286 men, BSN 111222334",
    "Basic knowledge of chemistry, Basic authentication, Basic dXNlcjpwYXNzd29yZA==",
    "de10 abcd efgh, the passport office in C1, PAN card",
    "part 390.533.447-06, order 03-5412-7781",
    "call number 20230917-12, versions 1234.5678.9012 and beef.cafe.babe",
    "info (at) acme.com, me [at] home, jane (at) example (dot) org, batch 01/2024 and 08/15 4711",
    "phones sold: 2023-11-25, 10 000 000",
    "mi número de pedido 912 345 678, Sipariş numaram 5320000000, meine Nummer im Chor: 14",
]


@pytest.mark.parametrize(("text", "code", "value"), PRIVATE_TEXTS)
def test_private_data_is_found_at_its_place(text: str, code: str, value: str) -> None:
    assert [(span.code, text[span.start : span.end]) for span in find_private(text)] == [(code, value)]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_it_is_not_flagged(text: str) -> None:
    assert find_private(text) == []


def test_an_address_speaks_of_a_person_when_the_words_around_it_do() -> None:
    assert [span.severity for span in find_private("the customer's address was 84.23.11.7")] == ["warning"]
    assert [span.severity for span in find_private("ssh to host 84.23.11.7 timed out")] == ["advice"]


def test_a_key_from_a_manual_is_only_a_warning() -> None:
    assert [span.severity for span in find_private("AKIA" + "IOSFODNN7EXAMPLE")] == ["warning"]
    assert [span.severity for span in find_private(AWS)] == ["error"]


def test_a_mask_hides_most_of_the_value() -> None:
    texts = (GITHUB, "password: hunter2", "jane.doe@gmail.com")
    masks = [masked(find_private(text)[0], text) for text in texts]
    assert masks == ["ghp_… (40 characters)", "h… (7 characters)", "j… (18 characters)"]


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "1 ",
        "4539 5787 6362 1486 ",
        "a@",
        "jane@gmx.de ",
        "ab:",
        "1::2:",
        "DE12 ABCD ",
        "://a:bcd@",
        "sk-",
        "aws ",
        "ibm_key = ",
        f"-----BEGIN {'PRIVATE'} KEY-----",
        "password",
        "password: a1b2c3 ",
        "eyJhbGciOiJIUzI1NiJ9.",
        "84.23.11.7 ",
        "-",
        "(",
    ],
)
def test_a_long_repetition_takes_time_in_proportion(unit: str) -> None:
    def cpu_s(length: int) -> float:
        text = (unit * length)[:length]
        start = time.thread_time()
        find_private(text)
        return time.thread_time() - start

    def proportionate() -> bool:
        return cpu_s(40_000) < 24 * cpu_s(5_000) + 0.1

    # A collection of the whole suite's garbage may fall into one measurement; a pattern that is slow is slow each time.
    assert any(proportionate() for _ in range(3))


@given(st.text(st.sampled_from("0123456789.-+ @:/=abcdefAKIAeyJ\n\ud800é"), max_size=80))
@settings(deadline=None)
def test_any_text_gives_ordered_spans_that_do_not_overlap(text: str) -> None:
    spans = find_private(text)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(left.end <= right.start for left, right in pairwise(spans))
