# ruff: noqa: RUF001 (these characters are intended)
"""Splits English text into words as spaCy's blank English tokenizer does.

datatrove judges by spaCy's words: punctuation marks are words, and so are both parts of "don't".
That tokenizer uses no context beyond a white-space chunk, so its input is a single chunk.

Choices:
- The rules were written from its documented procedure (split off prefixes and suffixes as long as
  there are any, then split the rest at infixes) and from the output of spaCy 3.8 for the chunks of
  books, news pages, HTML and wiki markup. spaCy isn't needed to run this.
- Where the two still differ (rare smileys and abbreviations), a document's verdict hardly ever
  does: tests/benchmarks/filters_against_datatrove.py counts both.
- In scripts that are written without spaces, each character with its marks is a word, so that a
  clause isn't one; there spaCy's blank tokenizer for English has clauses.
- No pattern backtracks: each matches in a bounded neighbourhood, or scans a character class once.
  Prefixes and suffixes are tracked by offset, not copied, so that a million punctuation marks take
  a million steps.
"""

import re
import unicodedata
from itertools import product

from lmkit.text.unspaced_scripts import UNSPACED, UNSPACED_CLASS

UNIT_REACH = 12
"""Characters at the end of a chunk that decide whether a unit is split off."""


def _split(text: str) -> list[str]:
    return text.split()


QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉⟦⟧"
PUNCTUATION = "…,:;!?¿؟¡(){}<>_#*&。？！，、；：～·।،۔؛٪[]"
CURRENCY = "$£€¥฿₽﷼₴¢" + "".join(map(chr, range(0x20A0, 0x20C0)))
ICONS = "".join(c for c in map(chr, range(128, 0x20000)) if unicodedata.category(c) == "So")
UNITS = _split(
    "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t "
    "lb oz m/s km/h kmh mph hPa Pa mbar mb MB kb KB gb GB tb TB T G M K %"
)
LOWER = "a-zß-öø-ÿāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįıĵķĺļľŀłńņňŋōŏőœŕŗřśŝşšţťŧũūŭůűųŵŷźżžα-ωά-ώа-яё"
UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮİĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽΑ-ΩА-ЯЁ"
LETTER = r"[^\W\d_]"

PREFIXES = frozenset("§%=—–" + PUNCTUATION + QUOTES + CURRENCY + ICONS)
SUFFIXES = frozenset("—–" + PUNCTUATION + QUOTES + ICONS)
UNIT = re.compile(rf"(?<=[0-9])(?:{'|'.join(sorted(UNITS, key=len, reverse=True))})\Z")
UNIT_ENDS = frozenset(unit[-1] for unit in UNITS)
STOP = re.compile(
    rf"(?:°[FfCcKk]|[^\W{UPPER}_]|[{UPPER}]{{2}}|[-%²+{re.escape(QUOTES + PUNCTUATION)}])\Z"
)
"""What a full stop is split off from: a lowercase letter, digit, punctuation, or two capitals."""
_INFIX_STARTS = r"-.+*^,—–~:<>=/"
_INFIX = (
    rf"(?:(?<=\.)\.+|(?<=[0-9][+\-*^])(?=[0-9-])|(?<=[{LOWER}{QUOTES}]\.)(?=[{UPPER}{QUOTES}])"
    rf"|(?<={LETTER},)(?={LETTER})|(?<=[^\W_]-)-{{0,2}}(?={LETTER})|(?<=[^\W_]—)—?(?={LETTER})"
    rf"|(?<=[^\W_][–~:<>=/])(?={LETTER}))"
)
INFIXES = re.compile(rf"[{_INFIX_STARTS}]{_INFIX}")
INFIXES_WITH_ICONS = re.compile(rf"[{_INFIX_STARTS}…{ICONS}](?:{_INFIX}|(?<=[…{ICONS}]))")
"""They begin with a class of characters, which is what `re` searches for quickly."""
HOST = rf"(?:[^\W_](?:[\w-]{{0,62}}[^\W_])?\.)+[{LOWER}]{{2,63}}"
URL = re.compile(
    rf"(?:[\w+.-]{{2,40}}://)?(?:[^\s@/]{{1,64}}@)?"
    rf"(?:{HOST}|[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}})(?::[0-9]{{2,5}})?(?:[/?#]\S*)?"
)


ABBREVIATIONS = _split(
    "Adm Ala Apr Ariz Ark Aug Bros Calif Co Colo Conn Corp Dec Del Dr Feb Fla Ga Gen Gov "
    "Ia Id Ill Inc Ind Jan Jr Jul Jun Kan Kans Ky La Ltd Mar Mass Md Messrs Mich Minn "
    "Miss Mo Mont Mr Mrs Ms Mt Neb Nebr Nev Nov Oct Okla Ore Pa Prof Rep Rev Sen Sep Sept "
    "St Tenn Va Wash Wis a.m p.m e.g i.e E.g I.e Ph.D vs v.s co"
)
UNSPLIT = _split(
    "and/or w/o 'em 'll 're 'd 's 'S ’S 'cause 'Cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz 'bout "
    "'nuff n't ol' Ol' nothin' Nothin' nuthin' Nuthin' somethin' Somethin' doin' Doin' "
    "goin' Goin' havin' Havin' lovin' Lovin' '' ma'am Ma'am o'clock O'clock c++ C++"
)
SMILEYS = _split(
    ":) :-) :( :-( ;) ;-) :] [: [-: =) (= =] =[ =( =D =| :D :P :p :-D :-P :/ :-/ :| :O :o "
    ":0 :3 :* :x :X 8) 8-) 8D XD xD <3 (: (; (-: (-; ): )-: :'( :') (*_*) ^_^ >.< <.< -_- "
    "o_O O_o O_O o.O @_@ V_V v_v ._. :-] :-x :-X ;D xDD"
)
PLAIN_WORDS = frozenset(["ill", "were", "well", "hell", "shell", "shed", "whore", "its", "lets"])


def _special_cases() -> dict[str, tuple[str, ...]]:
    """Return the chunks with exceptional words (spaCy's tokenizer exceptions)."""
    cases: dict[str, tuple[str, ...]] = {}

    def add(*parts: str) -> None:
        """Add the joined parts: also with a capital, a curly apostrophe, or none."""
        for head in {parts[0], parts[0].capitalize()}:
            for old, new in (("'", "'"), ("'", "’"), ("'", "")):
                words = (head, *(part.replace(old, new) for part in parts[1:]))
                if "".join(words).lower() not in PLAIN_WORDS:
                    cases["".join(words)] = words

    pronouns = "i you he she it we they"
    question_words = "who what when where why how there that"
    for word in f"{pronouns} {question_words}".split():
        for tail in ("'ll", "'d"):
            add(word, tail)
            add(word, tail, "'ve")
    for word in f"i you we they {question_words}".split():
        add(word, "'ve")
    for word in f"you we they {question_words}".split():
        add(word, "'re")
    for word in f"he she it let {question_words}".split():
        add(word, "'s")
    add("i", "'m")
    add("i", "'m", "a")
    for word in ["could", "might", "must", "should", "would"]:
        add(word, "'ve")
        add(word, "n't", "'ve")
    for word in _split(
        "ai are ca could dare did do does had has have is may might must need ought sha "
        "should was were wo would"
    ):
        add(word, "n't")
    for first, second in (("can", "not"), ("gon", "na"), ("got", "ta"), ("c'm", "on")):
        add(first, second)
    for text in (*UNSPLIT, *SMILEYS, *(f"{word}." for word in ABBREVIATIONS)):
        cases[text] = (text,)
        cases[text.replace("'", "’")] = (text.replace("'", "’"),)
    for letter in "abcdefghijklmnopqrstuvwxyzäöü":
        cases[f"{letter}."] = (f"{letter}.",)
    for hour, half in product(range(1, 13), ("a.m.", "am", "p.m.", "pm")):
        cases[f"{hour}{half}"] = (str(hour), half)
    for one in "’'":
        cases[f"y{one}all"] = (f"y{one}", "all")
    return cases


SPECIAL = _special_cases()
_MARKS = "".join(
    chr(code)
    for code in (*range(0x300, 0x370), *(code for span in UNSPACED[:10] for code in range(*span)))
    if unicodedata.category(chr(code))[0] == "M"
)
ALONE = re.compile(f"[{UNSPACED_CLASS}]")
PIECES = re.compile(f"[{UNSPACED_CLASS}][{_MARKS}]*|[^{UNSPACED_CLASS}]+")
UNSPLIT_CASES = frozenset(text for text, words in SPECIAL.items() if len(words) == 1)
UNSPLIT_STARTS = frozenset(text[:size] for text in UNSPLIT_CASES for size in range(1, len(text)))
MAX_SPECIAL = max(map(len, SPECIAL))


def english_words(chunk: str) -> tuple[str, ...]:
    """Return the words of a chunk, which has no white space.

    >>> english_words("(don't-stop!)")
    ('(', "don't", '-', 'stop', '!', ')')
    """
    if chunk.isascii():
        if chunk.isalpha() and chunk not in SPECIAL:
            return (chunk,)
    elif ALONE.search(chunk):
        return tuple(
            word
            for piece in PIECES.findall(chunk)
            for word in ((piece,) if ALONE.match(piece) else english_words(piece))
        )
    start, end = 0, len(chunk)
    prefixes: list[str] = []
    suffixes: list[str] = []
    while start < end:
        if end - start <= MAX_SPECIAL and chunk[start:end] in SPECIAL:
            prefixes += SPECIAL[chunk[start:end]]
            start = end
            break
        after = _prefix_end(chunk, start, end)
        if after > start and end - after <= MAX_SPECIAL and chunk[after:end] in SPECIAL:
            prefixes.append(chunk[start:after])
            start = after
            continue
        before = _suffix_start(chunk, start, end)
        if before < end and before - start <= MAX_SPECIAL and chunk[start:before] in SPECIAL:
            suffixes.append(chunk[before:end])
            end = before
            continue
        if after == start and before == end:
            break
        if after > start:
            prefixes.append(chunk[start:after])
        if before < end and before >= after:
            suffixes.append(chunk[before:end])
            end = before
        start = after
    if start < end:
        prefixes += _split_infixes(chunk[start:end])
    words = [*prefixes, *reversed(suffixes)]
    return tuple(words if len(words) == 1 else _with_unsplit_cases(words))


def _with_unsplit_cases(words: list[str]) -> list[str]:
    """Merge adjacent words that together are a special case, such as "):"."""
    done: list[str] = []
    at = 0
    while at < len(words):
        size = _unsplit_size(words, at) if words[at] in UNSPLIT_STARTS else 1
        done.append("".join(words[at : at + size]) if size > 1 else words[at])
        at += size
    return done


def _unsplit_size(words: list[str], at: int) -> int:
    """Count the words from an index on that together are a special case; 1 if they aren't."""
    for size in (3, 2):
        if at + size <= len(words) and "".join(words[at : at + size]) in UNSPLIT_CASES:
            return size
    return 1


def _prefix_end(chunk: str, start: int, end: int) -> int:
    """Return the end of the prefix of a span; the start of the span, if it has none."""
    first, second = chunk[start], chunk[start + 1 : min(start + 2, end)]
    if first == "." and second == ".":
        after = start
        while after < end and chunk[after] == ".":
            after += 1
        return after
    if first == "…" and second == "…":
        return start + 2
    if first in PREFIXES or (first == "+" and not ("0" <= second <= "9")):
        return start + 1
    return start


def _suffix_start(chunk: str, start: int, end: int) -> int:
    """Return the start of the suffix of a span; the end of the span, if it has none."""
    last, second = chunk[end - 1], chunk[max(start, end - 2) : end - 1]
    if last == "." and second == ".":
        before = end
        while before > start and chunk[before - 1] == ".":
            before -= 1
        return before
    if last == "…" and second == "…":
        return end - 2
    if last in SUFFIXES:
        return end - 1
    if last in "sS" and second and second in "'’":
        return end - 2
    if last == ".":
        return end - 1 if STOP.search(chunk[max(start, end - 3) : end - 1]) else end
    if "0" <= second <= "9" and (last == "+" or last in CURRENCY):
        return end - 1
    if last in UNIT_ENDS:
        reach = max(start, end - UNIT_REACH)
        if not chunk[reach:end].isalpha() and (unit := UNIT.search(chunk[reach:end])):
            return reach + unit.start()
    return end


def _split_infixes(text: str) -> list[str]:
    """Split text without prefix and suffix at its infixes."""
    if text.isalnum() and text.isascii():
        return [text]
    if ("." in text or "://" in text) and URL.fullmatch(text):
        return [text]
    words: list[str] = []
    done = 0
    for match in (INFIXES if text.isascii() else INFIXES_WITH_ICONS).finditer(text):
        if match.start() == 0:
            continue
        words.append(text[done : match.start()])
        words.append(match[0])
        done = match.end()
    words.append(text[done:])
    return [word for word in words if word]
