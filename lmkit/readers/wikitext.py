"""MediaWiki markup converted to plain text (https://www.mediawiki.org/wiki/Help:Formatting).

Choices:
- What a page shows by itself is its text: sections, lists, link texts, literal text, formulas, and
  templates that show their own arguments (`wiki/inline_templates.py`, `wiki/parser_functions.py`).
  Other templates, references, files and categories are removed, not rendered: what they would show
  depends on pages that a dump may not hold.
- `{| |}` tables are removed, or a line for each row. HTML tables, which also set text, are always
  lines.
- A tag that MediaWiki doesn't know is text, as on the page: `List<T>`.
- Brackets are matched in one pass with a stack of limited depth, so the time is linear for any
  input; brackets that are never closed are treated as text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Literal

from lmkit.readers.wiki.extension_tags import NAMES, save_code, save_elements
from lmkit.readers.wiki.inline_templates import show_template
from lmkit.readers.wiki.language_variants import has_variants, variant_text
from lmkit.readers.wiki.marks import (
    ALL,
    BAR,
    CELL,
    GUARD,
    REMOVED,
    UNSEEN,
    SavedTexts,
    close_gaps,
)
from lmkit.readers.wiki.namespaces import ANY_SITE, TEMPLATE, Site, normalized
from lmkit.readers.wiki.parser_functions import FUNCTION_NAMES, call_function
from lmkit.readers.wiki.wiki_tables import html_table_text, table_text

BREAK = re.compile(
    r"<(?:br|hr|li|dd|dt)(?:[\s/][^<>]*)?>|</?(?:p|div|blockquote|center|poem|ul|ol|dl|table|caption"
    r"|h[1-6])(?:[\s/][^<>]*)?>",
    re.IGNORECASE,
)
# The HTML that MediaWiki passes on, and the tags of its usual extensions.
TAG = re.compile(
    r"</?(?:abbr|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|img|ins|kbd|link|mark|meta|nobr|q|rb"
    r"|rbc|rp|rt|rtc|ruby|s|samp|small|span|strike|strong|sub|sup|time|tt|u|var|wbr|a|tbody|thead"
    r"|tfoot|colgroup|col|tr|td|th|li|dd|dt|noinclude|onlyinclude|languages|translate|tvar|phonos"
    r"|section|tabber|youtube|quiz|rss|pagelist|pagequality"
    rf"|{'|'.join(NAMES)})(?:[\s/:][^<>]*)?>",
    re.IGNORECASE,
)
SUPERSCRIPT = re.compile(r"<sup(?:\s[^<>]*)?>([^<>]{0,40})</sup\s*>", re.IGNORECASE)
EXPONENT = re.compile(r"\s*+[-+\u2212\u2013]?+(?:\d++|n)?+[+\u2212-]?+\s*+\Z")
PARAMETER = re.compile(r"\{\{\{[^{}|]*(?:\|([^{}]*))?\}\}\}")
BRACKET = re.compile(r"\{\{|\}\}|\{\|(?<![^\s:>*#;\x01-\x06]\{\|)|\|\}(?!\})|\[\[|\]\]")
WITH_VARIANTS = re.compile(rf"{BRACKET.pattern}|-\{{(?!\|)|\}}-")
CLOSES = {"}}": "{{", "|}": "{|", "]]": "[[", "}-": "-{"}
DEPTH = 200
"""Brackets that may be open at once: MediaWiki allows 100 templates, and few of the others."""
TEMPLATE_START = re.compile(r"[^\n|]{1,100}(?:\||\n[ \t]*[|}])")
TABLE_LINES = re.compile(r"\A(?:[ \t]*+(?:[|!][^\n]*+)?(?:\n|\Z))*+")
QUOTES = re.compile(r"'{2,}")
EXTERNAL = re.compile(
    r"\[(?:(?:[a-z][a-z+.-]{1,20}:)?//|mailto:)[^\s\[\]<>\x01-\x06]++"
    r"[ \t]*+([^\[\]\n]*+(?:\[[^\[\]\n]*+\][^\[\]\n]*+)*+)\]",
    re.IGNORECASE,
)
# Lines begin with a literal line break: patterns that begin with ^ are many times slower.
HEADING = re.compile(r"\n(=[^\n]*)")
LIST = re.compile(r"\n[*#:;]+[ \t]*")
RULE = re.compile(r"\n-{4,}")
SWITCH = re.compile(r"__([^\s\d_][^\s<>\[\]{}|]{1,60}?)__")
SWITCHES = {
    *("NOTOC", "FORCETOC", "TOC", "NOEDITSECTION", "NEWSECTIONLINK", "NONEWSECTIONLINK", "INDEX"),
    *("NOGALLERY", "HIDDENCAT", "EXPECTUNUSEDCATEGORY", "EXPECTUNUSEDTEMPLATE", "NOCONTENTCONVERT"),
    *("NOCC", "NOTITLECONVERT", "NOTC", "NOINDEX", "STATICREDIRECT", "NOGLOBAL", "DISAMBIG"),
    *("ARCHIVEDTALK", "EXPECTED_UNCONNECTED_PAGE", "START", "END", "NOSSF", "EXPECTWITHOUTSCANS"),
}
EMPTY_BRACKETS = re.compile(r"\((?:[\s,;:\x04\x05]|&nbsp;)*+\)")
BLANKS = re.compile(r"[ \t](?<=\S[ \t])[ \t]+")
BLANK = re.compile(r"\n[ \t]*(?:\n[ \t]*){2,}")
NO_TITLE = re.compile(r"[\[\]{}<>\n\x01]")
VARIABLES = {"pagename", "fullpagename", "basepagename", "rootpagename", "subpagename"}


@dataclass(frozen=True)
class Page:
    """What the text of a page depends on: its wiki, its title and the options."""

    site: Site = ANY_SITE
    title: str = ""
    tables: Literal["drop", "text"] = "drop"
    math: Literal["tex", "drop"] = "tex"


ANY_PAGE = Page()


def plain_wikitext(text: str, page: Page = ANY_PAGE) -> str:
    """Return the visible text of a page, without its boxes.

    >>> plain_wikitext("'''Anna''' {{born|1}} lives in [[Paris, Texas|Paris]].<ref>x</ref>")
    'Anna lives in Paris.'
    """
    text = ALL.sub("", text)
    saved = SavedTexts()
    if "<" in text:
        text = save_elements(text, saved, page.math)
        text = save_code(text, saved, lambda inside: _known_template(inside, page))
    text = _without_brackets(PARAMETER.sub(r"\1", f"\n{text}"), page)
    text = EXTERNAL.sub(lambda found: found[1] or UNSEEN, text)
    if "<" in text:
        text = html_table_text(text)
        text = TAG.sub("", BREAK.sub("\n", SUPERSCRIPT.sub(_raised, text)))
    text = QUOTES.sub(_apostrophes, text)
    text = HEADING.sub(_heading, close_gaps(EMPTY_BRACKETS.sub(UNSEEN, text)))
    text = unescape(SWITCH.sub(_switch, RULE.sub("\n", LIST.sub("\n", text))))
    text = text.replace(BAR, "|").replace(CELL, " | ").replace(GUARD, "")
    text = BLANKS.sub(" ", text)
    return saved.restore(BLANK.sub("\n\n", text).strip())


def _without_brackets(text: str, page: Page) -> str:
    """Resolve links, templates and tables, innermost first."""
    variants = has_variants(page.site.language)
    stack: list[tuple[str, list[str]]] = [("", [])]
    position = 0
    for found in (BRACKET if variants is False else WITH_VARIANTS).finditer(text):
        stack[-1][1].append(text[position : found.start()])
        position = found.end()
        bracket = found[0]
        opened = CLOSES.get(bracket)
        if opened is None:
            stack.append((bracket, []))
            if len(stack) > DEPTH:  # the outermost one is text
                kind, parts = stack.pop(1)
                stack[0][1].extend([kind, *parts])
            continue
        if stack[-1][0] != opened:
            # The nearest that it can close; brackets opened in between are text.
            near = range(len(stack) - 2, max(0, len(stack) - 6), -1)
            depth = next((n for n in near if stack[n][0] == opened), 0)
            if not depth:
                stack[-1][1].append(bracket if bracket in {"|}", "}-"} else "")
                continue
            while len(stack) - 1 > depth:
                inner, parts = stack.pop()
                stack[-1][1].append(inner + "".join(parts))
        kind, parts = stack.pop()
        inside = "".join(parts)
        stack[-1][1].append(
            _link(inside, page.site) if kind == "[[" else _shown(kind, inside, page, variants)
        )
    stack[-1][1].append(text[position:])
    return "".join(_never_closed(stack))


def _never_closed(stack: list[tuple[str, list[str]]]) -> Iterator[str]:
    """Yield the text after brackets that have no end: not the first line of a template or table."""
    skipped = ""
    for kind, parts in stack:
        text = "".join(parts)
        if kind == "{|" or (kind == "{{" and TEMPLATE_START.match(text)):
            skipped = kind
        elif kind == "-{":
            text = kind + text
        if skipped:
            _, newline, rest = text.partition("\n")
            if not newline:
                continue
            text = "\n" + (TABLE_LINES.sub("", rest) if skipped == "{|" else rest)
            skipped = ""
        yield text


def _shown(kind: str, inside: str, page: Page, variants: bool | None) -> str:
    """Return the text of a pair of brackets that is no link."""
    if kind == "{{":
        shown = _known_template(inside, page)
        return REMOVED if shown is None else shown
    if kind == "{|":
        return table_text(inside) if page.tables == "text" else ""
    variant = variant_text(inside, certain=variants is True)
    return f"-{{{inside}}}-" if variant is None else variant


def _link(inside: str, site: Site) -> str:
    """Return the visible text of a link."""
    target, bar, label = inside.partition("|")
    if ":" in target and site.is_hidden(target, label if bar else None):
        return UNSEEN
    if NO_TITLE.search(target):
        return f"[[{inside}]]"
    return label.rpartition("|")[2] if bar and label else target.lstrip(" :")


def _known_template(inside: str, page: Page) -> str | None:
    """Return what a template, function or variable shows; None if it isn't known."""
    title, bar, rest = inside.partition("|")
    name = normalized(title[:200])
    for prefix in ("subst:", "safesubst:"):
        name = name.removeprefix(prefix).lstrip()
    head, colon, after = name.partition(":")
    if colon:
        if head in FUNCTION_NAMES:
            first = title[title.lower().index(head) :].partition(":")[2]
            arguments = [first, *rest.split("|")] if bar else [first]
            return call_function(head, arguments, page.site.language)
        if page.site.numbers.get(head.rstrip()) != TEMPLATE:
            return None
        name = after.lstrip()
    if name in VARIABLES and not bar:
        return page.title or None
    return show_template(name, rest.split("|") if bar else [])


def _apostrophes(found: re.Match[str]) -> str:
    """Two, three or five set the form of a text, and any others are text."""
    number = len(found[0])
    return "'" * (1 if number == 4 else max(0, number - 5))


def _heading(found: re.Match[str]) -> str:
    line = found[1].rstrip()
    left, right = (len(line) - len(rest) for rest in (line.lstrip("="), line.rstrip("=")))
    level = min(left, right, 6, (len(line) - 1) // 2)
    return f"\n\n{line[level:-level].strip()}\n" if level else found[0]


def _switch(found: re.Match[str]) -> str:
    """Remove words such as __NOTOC__, in any language, but not `__init__` or `__FILE__`."""
    name = found[1]
    if name in SWITCHES:
        return ""
    if name != name.upper() or not any(character.isalpha() for character in name):
        return found[0]
    text, start, end = found.string, found.start(), found.end()
    is_alone = text[start - 1 : start] in {"", "\n"} and text[end : end + 1] in {"", "\n"}
    return "" if is_alone or not name.isascii() else found[0]


def _raised(found: re.Match[str]) -> str:
    """Write a power or a charge as `10^6`; an ordinal is only text."""
    before = found.string[found.start() - 1 : found.start()]
    is_power = EXPONENT.match(found[1]) and (before.isalnum() or before in {")", "]", "}", "\x02"})
    return f"^{found[1].strip()}" if is_power and found[1].strip() else found[1]
