"""Writes tests/assets/token_ids.jsonl: 1,000 strings with the token ids that llama.cpp gives for the embedded
base.

llama.cpp is the second, independent implementation of the tokeniser; `tests/models/test_tokenizer.py` demands
equal ids. Run it again only when the base's file changes (llama-cpp-python compiles llama.cpp, so give it an
environment of its own):

    python3 -m venv /tmp/llama && /tmp/llama/bin/pip install llama-cpp-python
    /tmp/llama/bin/python scripts/make_token_fixture.py SmolLM2-135M-Instruct.Q4_1.gguf

llama.cpp is told `add_bos=False` (its `add_special`: no BOS or EOS around the text, the chat template writes
these). `special` (its `parse_special`) is true for most strings, so that `<|im_end|>` is the control token,
as it is for a `tokenizers.Tokenizer`; for the strings made by `literal_specials` it is false and the same
characters must come out as ordinary text, as in the content of a message. The field `parse_special` of each
line says which.
"""

# ruff: noqa: E501 (the strings are the data)

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

TARGET = Path(__file__).parents[1] / "tests" / "assets" / "token_ids.jsonl"
COUNT = 1000

WORDS = [
    "pump",
    "gateway",
    "meter",
    "valve",
    "chiller",
    "inverter",
    "sensor",
    "antenna",
    "battery",
    "relay",
    "firmware",
    "broker",
    "uplink",
    "timeout",
    "reset",
    "overheated",
    "disconnected",
    "restarted",
    "refused",
    "calibrated",
    "drifting",
    "unauthorised",
    "handshake",
    "brownout",
    "certificate",
    "Temperature",
    "PRESSURE",
    "Modbus",
    "MQTT",
    "LoRaWAN",
    "wasn't",
    "they've",
    "I'll",
    "we're",
    "he'd",
    "don't",
    "O'Brien's",
    "it's",
    "IT'S",
    "watchdog",
]
FOREIGN = (
    "Die Pumpe läuft heiß, bitte prüfen.",
    "Température élevée détectée à 14 h 05 – vérifier l'électrovanne n° 3",
    "Übergabe um 6 Uhr: Öl gewechselt, Straße naß",
    "El sensor nº 7 falló; ¿reinicio? ¡Sí!",
    "Насос №4 остановлен, давление 3,2 бар",
    "传感器三号离线，请检查电源。温度：８５℃",
    "ゲートウェイが応答しません（エラー１２）",
    "센서 오류: 배터리 12% 남음",
    "المضخة ٣ متوقفة منذ ١٢ دقيقة",
    "पंप ४ बंद है, दाब २.५ बार",
    "เซ็นเซอร์ ๗ ไม่ตอบสนอง",
    "החיישן מנותק מאז 06:30",
    "Ο αισθητήρας 9 δεν απαντά",
    "Zażółć gęślą jaźń – błąd №½",
)
SYMBOLS = [
    "°C",
    "µV",
    "Ω",
    "±",
    "≥",
    "→",
    "✓",
    "✗",
    "…",
    "“quoted”",
    "‘q’",
    "—",
    "–",
    "½",
    "ⅷ",
    "²",
    "₃",
    "①",
    "Ⅻ",
    "㎏",
    "€",
    "™",
    "\xa0",
    "\u2003",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u3000",
    "é",
    "ﬁ",
    "İ",
    "ß",
]
EMOJI = ("🔥", "🔋12%", "👩🏽‍🔧", "🇩🇪", "⚠️", "1️⃣", "🚨🚨🚨", "😀😃", "🛰️→🏭", "👨‍👩‍👧‍👦")
BLANKS = (
    " ",
    "  ",
    "   ",
    "    ",
    "\t",
    "\t\t",
    " \t ",
    "\n",
    "\n\n",
    "\r\n",
    "\n  ",
    "  \n",
    "\n\t\n",
    " " * 9,
    " " * 40,
)
CODE = (
    "def read(path: str) -> list[int]:\n    return [int(x) for x in open(path)]\n",
    'if (rc != 0) { fprintf(stderr, "E%04d\\n", rc); return -1; }',
    "SELECT id, ts FROM readings WHERE v > 3.75 AND ts >= '2024-05-01' ORDER BY 2 DESC;",
    "for i in $(seq 1 20); do mosquitto_pub -t \"site/$i\" -m '{\"v\":'$i'}'; done",
    '<div class="row">\n\t<span>&nbsp;12&deg;</span>\n</div>',
    "let x: Vec<u8> = (0..=255).filter(|b| b & 0x0f != 7).collect();",
    '[device]\nname = "pump-07"\nlimits = { low = 0.5, high = 1e3 }\n',
    "#define ADC_MAX ((1u<<12)-1)\nvolatile uint16_t *reg = (uint16_t *)0x4002'0000;",
)
SPECIALS = (
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<filename>",
    "<repo_name>",
    "<empty_output>",
    "<gh_stars>",
)


def phrase(rng: Random, low: int = 2, high: int = 9) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(low, high)))


def number(rng: Random) -> str:
    return rng.choice(
        (
            lambda: str(rng.randrange(10 ** rng.randint(1, 15))),
            lambda: f"{rng.uniform(-500, 500):.{rng.randint(0, 6)}f}",
            lambda: f"0x{rng.randrange(1 << 32):08X}",
            lambda: f"{rng.uniform(0, 9):.2e}",
            lambda: f"{rng.randrange(1, 999)},{rng.randrange(1000):03d}.{rng.randrange(100):02d}",
            lambda: f"{rng.randrange(100)}%",
            lambda: f"v{rng.randrange(9)}.{rng.randrange(20)}.{rng.randrange(99)}-rc{rng.randrange(4)}",
        )
    )()


def stamp(rng: Random) -> str:
    month, day, hour = rng.randint(1, 12), rng.randint(1, 28), rng.randrange(24)
    minute, second, milli = rng.randrange(60), rng.randrange(60), rng.randrange(1000)
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return rng.choice(
        (
            f"2024-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{milli:03d}Z",
            f"{names[month - 1]} {day:>2} {hour:02d}:{minute:02d}:{second:02d}",
            f"{day:02d}.{month:02d}.24 {hour}:{minute:02d}",
            f"[{milli * 97}.{second:06d}]",
            str(1_700_000_000 + milli * 86_413),
        )
    )


def log_line(rng: Random) -> str:
    device = f"{rng.choice(WORDS)}-{rng.randrange(100):02d}"
    address = ".".join(str(rng.randrange(256)) for _ in range(4))
    return rng.choice(
        (
            lambda: f"{stamp(rng)} {device} {rng.choice(WORDS)}[{rng.randrange(9999)}]: {phrase(rng)}",
            lambda: (
                f'<{rng.randrange(192)}>1 {stamp(rng)} {device} app - ID{rng.randrange(99)} [x@32473 v="{number(rng)}"] {phrase(rng)}'
            ),
            lambda: (
                f'ts={stamp(rng)} level=warn dev={device} temp={number(rng)} rssi=-{rng.randrange(120)}dBm msg="{phrase(rng)}"'
            ),
            lambda: f"plant/{rng.randrange(9)}/{device}/state {json.dumps({'v': rng.randrange(999), 'ok': False})}",
            lambda: f"E{rng.randrange(9999):04d} {device.upper()} {phrase(rng, 1, 3)}!! retry {rng.randrange(9)}/9",
            lambda: (
                f"{address}:{rng.randrange(65536)} -> {address} SYN flags=0x{rng.randrange(256):02x} ttl={rng.randrange(255)}"
            ),
            lambda: f"{number(rng)};{number(rng)};;{number(rng)};{device}",
            lambda: ":".join(f"{rng.randrange(256):02x}" for _ in range(6)) + f"  {phrase(rng, 1, 4)}",
        )
    )()


def json_text(rng: Random) -> str:
    content = {
        rng.choice(WORDS): rng.choice([rng.randrange(10**6), rng.random(), None, True, phrase(rng), rng.choice(FOREIGN)])
        for _ in range(rng.randint(1, 5))
    }
    return json.dumps(content, indent=rng.choice([None, 1, 2, 4]), ensure_ascii=rng.random() < 0.5)


def blanks(rng: Random) -> str:
    parts = [rng.choice(BLANKS) + rng.choice((phrase(rng, 1, 2), number(rng), "", ".")) for _ in range(rng.randint(1, 6))]
    return "".join(parts) + rng.choice(("", *BLANKS))


def unicode_mix(rng: Random) -> str:
    parts = [rng.choice((*FOREIGN, *SYMBOLS, *EMOJI, number(rng))) for _ in range(rng.randint(1, 5))]
    return rng.choice(("", " ")).join(parts)


def random_characters(rng: Random) -> str:
    ranges = (
        (32, 127),
        (32, 127),
        (9, 14),
        (0xA0, 0x24F),
        (0x370, 0x52F),
        (0x2000, 0x2BFF),
        (0x4E00, 0x9FFF),
        (0x1F300, 0x1F9FF),
    )
    return "".join(chr(rng.randrange(*rng.choice(ranges))) for _ in range(rng.randint(1, 40)))


def code(rng: Random) -> str:
    return rng.choice(CODE) + rng.choice(("", "\n", "  ")) + rng.choice(("", number(rng), rng.choice(CODE)))


def operator_note(rng: Random) -> str:
    return f"{phrase(rng).capitalize()}, {phrase(rng, 1, 4)} since {rng.randrange(24)}h{rng.randrange(60):02d}... {number(rng)} {phrase(rng, 1, 3)}?!"


def control_tokens(rng: Random) -> str:
    return "".join(rng.choice((*SPECIALS, phrase(rng, 1, 3), "\n", " ", number(rng))) for _ in range(rng.randint(2, 7)))


def literal_specials(rng: Random) -> str:
    return f"{phrase(rng, 0, 2)}{rng.choice(('', ' '))}{rng.choice(SPECIALS)}{rng.choice(('', ' ', chr(10)))}{phrase(rng, 0, 2)}"


KINDS: tuple[tuple[Callable[[Random], str], int], ...] = (
    (log_line, 330),
    (blanks, 110),
    (number, 60),
    (unicode_mix, 120),
    (json_text, 80),
    (code, 60),
    (operator_note, 80),
    (random_characters, 80),
    (control_tokens, 40),
    (literal_specials, 40),
)


def strings() -> list[tuple[str, bool]]:
    """The strings and, for each, whether control tokens in it are parsed. The same on every machine."""
    rng = Random(20240726)
    seen: dict[str, bool] = {}
    for kind, count in KINDS:
        wanted = len(seen) + count
        while len(seen) < wanted:
            seen.setdefault(kind(rng), kind is not literal_specials)
    assert len(seen) == COUNT
    return list(seen.items())


def main() -> None:
    from llama_cpp import Llama

    model = Llama(model_path=sys.argv[1], vocab_only=True, verbose=False)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    with TARGET.open("w", encoding="utf-8") as file:
        for text, parse_special in strings():
            ids = model.tokenize(text.encode("utf-8"), add_bos=False, special=parse_special)
            record = {"text": text, "parse_special": parse_special, "ids": ids}
            file.write(json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
