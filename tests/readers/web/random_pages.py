"""Random pages of inline markup in many scripts, and the text that a reader sees of each block."""

import random
import re
from collections.abc import Sequence
from html import escape

SCRIPTS = {
    "Latin": "the harbour straße où né Ægir łódź",
    "Greek": "ο φάρος της ακτής ή",  # noqa: RUF001
    "Cyrillic": "маяк и море ё я",
    "Hebrew": "מגדלור על חוף הים ו",  # noqa: RUF001
    "Arabic": "منارة على الساحل و",
    "Devanagari": "समुद्र के किनारे दीप ।",
    "Bengali": "বাতিঘর ও সমুদ্র",
    "Thai": "ประภาคาร ริม ทะเล ๆ",
    "Hangul": "등대 와 섬 의 바다",
    "Han": "灯塔 的 历史 与 海图 和",
    "Kana": "灯台 は 北 の みさき ー",
    "Georgian": "შუქურა და ზღვა",
    "Armenian": "փարոս և ծով",
    "Ethiopic": "መብራት ቤት እና",
}
SIGNS = "–—…“”‘’€°·•→≤≠±×÷«»¿¡§†‡&<>\"'!?;:,.()[]{}|~^_=+-*/\\@#$%。、，！？「」・〜۔،؟।॥๏ㅋ😀🏝"  # noqa: RUF001
INVISIBLE = ["\ue0a1", "\u00a0", "\u200d", "\u200c", "\u00ad", "\u200b", "\u2060", "\ufe0f"]
SINGLE = [*SIGNS, "\ufffd", "e\u0301", "\U00020bb7", "\U0001d54f", *(f"x{c}x" for c in INVISIBLE)]
TAGS = [
    *(
        "a href=/x",
        "b",
        "i",
        "em",
        "strong",
        "span",
        "code",
        "small",
        "font color=red",
        "abbr",
        "u",
    ),
    *("mark", "sup", "sub", "q", "cite", "kbd", "ins", "s", "bdi", "data", "dfn", "var"),
]
BOILERPLATE = [
    *("span class=share", "span id=nav-1", "b class=caption", "a class=related href=#", "time"),
]
BLOCKS = ["p", "p", "p", "li", "td", "blockquote", "h2", "dd", "div"]
ENTITIES = {
    "&mdash;": "—",
    "&hellip;": "…",
    "&eacute;": "é",
    "&amp;": "&",
    "&lt;": "<",
    "&#8212;": "—",
}
FRAME = (
    "The old lighthouse on the northern cape was built from granite that was cut on the island. "
)
INDICES = str.maketrans(
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ᵢⱼₙₖₘₓ", "0123456789+-=()ni0123456789+-=()ijnkmx"
)


def inline(rng: random.Random, tags: Sequence[str], depth: int = 0) -> tuple[str, str]:
    """Return inline markup, and its text."""
    html, text = "", ""
    for _ in range(rng.randint(0 if depth else 2, 4)):
        kind = rng.random()
        if kind < 0.35:
            words = rng.choice(list(SCRIPTS.values())).split()
            word = rng.choice([rng.choice(words), " ".join(rng.sample(words, 2))])
            word = word[: rng.choice([1, 20])] + rng.choice(["", " "])
            piece = escape(word), word
        elif kind < 0.5:
            sign = rng.choice(SINGLE)
            written = [escape(sign), "".join(f"&#{ord(c)};" for c in sign)]
            piece = rng.choice(written), sign
        elif kind < 0.55:
            entity = rng.choice(list(ENTITIES))
            piece = entity, ENTITIES[entity]
        elif kind < 0.62:
            piece = (
                rng.choice(
                    [" ", "\n", "<br>", "<!-- x -->", "<wbr>", "<b></b>", "<img alt=x src=y>"]
                ),
                "",
            )
        elif kind < 0.67:
            number = str(rng.choice([2, 3, 10, 1873]))
            piece = number, number
        else:
            tag = rng.choice(tags)
            within = inline(rng, tags, depth + 1) if depth < 4 else ("x", "x")
            piece = f"<{tag}>{within[0]}</{tag.split()[0]}>", within[1]
        html, text = html + piece[0], text + piece[1]
    return html, text


def page(seed: int, tags: Sequence[str] = TAGS) -> tuple[str, list[tuple[str, str]]]:
    """Return a page, and a name and the text of each of its blocks."""
    rng = random.Random(seed)
    wrapper = rng.choice(["article", "main", "div", "section"])
    parts, blocks = [], []
    for number in range(rng.randint(1, 6)):
        block = rng.choice(BLOCKS)
        html, text = inline(rng, tags)
        name = f"Q{number}"
        body = f"{name}: {html} end{number}."
        blocks.append((name, f"{name}: {text} end{number}."))
        opened = {
            "li": f"<ul><li>{FRAME}</li><li>{body}</li><li>{FRAME}</li></ul>",
            "td": f"<table><tr><td>{FRAME}</td><td>{body}</td></tr></table>",
            "dd": f"<dl><dt>{FRAME}<dd>{body}</dl>",
        }
        parts.append(
            opened.get(block, f"<{block}>{body}</{block}>") + f"<p>{FRAME * rng.randint(1, 3)}</p>"
        )
    content = f"<h1>Title</h1><p>{FRAME * 3}</p>{''.join(parts)}<p>{FRAME * 3}</p>"
    return f"<!DOCTYPE html><html><body><{wrapper}>{content}</{wrapper}></body></html>", blocks


def without_space(text: str) -> str:
    """Return a text without white space and the signs of exponents and indices."""
    return re.sub(r"[\s^_()]", "", text.translate(INDICES).replace("\u2212", "-"))
