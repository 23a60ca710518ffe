"""Elements whose content isn't wikitext: comments, notes, literal text, code and formulas.

They are taken out first, as MediaWiki does, so that brackets and quotes inside are no markup.

Choices:
- `<nowiki>` and `<pre>` are literal but for character references; `<syntaxhighlight>` and
  `<source>` are as they are. The content of `<code>` is wikitext in MediaWiki, and so are its
  links, italics and tags here; but a template or parameter in it that lmkit can't show stays as
  it is written, and so do `[[ ]]` that index or test something.
- Notes, galleries, maps and what only other pages show (`<includeonly>`) are removed. A formula is
  its TeX source, or is removed.
- An element without an end is text, only its tag is removed. So is a note in which another begins:
  its end is missing, and up to the next one there may be half an article.
- Ends are searched for once for each name, so the time is linear.
"""

import re
from collections.abc import Callable
from html import unescape

from lmkit.readers.wiki.marks import BAR, REMOVED, UNSEEN, SavedTexts

FORMULAS = {"math", "chem", "ce"}
SOURCES = {"syntaxhighlight", "source"}
PICTURES = {
    *("gallery", "imagemap", "timeline", "score", "hiero", "graph", "chart", "mapframe", "maplink"),
}
DROPPED = {
    *PICTURES,
    *("ref", "references", "templatedata", "templatestyles", "includeonly", "indicator"),
    *("inputbox", "categorytree", "dynamicpagelist", "charinsert", "rt", "rp"),
}
NAMES = sorted(
    {*DROPPED, *FORMULAS, *SOURCES, "nowiki", "pre"}, key=lambda name: (-len(name), name)
)
OPENING = re.compile(rf"<!--|<({'|'.join(NAMES)})(?=[\s/>])([^<>]*)>", re.IGNORECASE)
CODE_OPENING = re.compile(r"<code(?:\s[^<>]*)?(?<!/)>", re.IGNORECASE)
END_TAGS = {name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in [*NAMES, "code"]}
INNER_NOTE = re.compile(r"<ref(?=[\s/>])[^<>]*(?<!/)>", re.IGNORECASE)
NOWIKI = re.compile(r"</?nowiki\s*/?>", re.IGNORECASE)
CODE_TAG = re.compile(
    r"</?(?:span|b|i|u|s|em|strong|small|big|sub|sup|var|kbd|samp|tt|font|mark|abbr|bdi|bdo|del|ins"
    r"|nowiki)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
CODE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
CODE_LINK = re.compile(
    r"(?<![\w\])}$])\[\[(?![\s\[])([^\[\]{}<>|\n]+)(?:\|([^\[\]\n]*))?\]\](?!\])"
)
CODE_TEMPLATE = re.compile(r"(?<!\{)\{\{[^{}\n]*\}\}(?!\})")
CODE_QUOTES = re.compile(r"(?<!')('''''|'''|'')(?=\w)([^'\n]*)(?<=\w)\1(?!')")
Template = Callable[[str], str | None]


def save_elements(text: str, saved: SavedTexts, math: str) -> str:
    """Return a page in which the elements are removed, or stand-ins for what they show."""
    parts: list[str] = []
    position = 0
    ends = _Ends(text)
    while opening := OPENING.search(text, position):
        parts.append(text[position : opening.start()])
        position = opening.end()
        if opening[1] is None:
            end = text.find("-->", position)
            position = end + 3 if end >= 0 else len(text)
            continue
        name = opening[1].lower()
        if opening[2].endswith("/"):
            parts.append(saved.save("") if name == "nowiki" else _gap(name))
            continue
        end_tag = ends.after(name, position)
        if end_tag is None:
            continue
        if name == "ref" and INNER_NOTE.search(text, position, end_tag.start()):
            continue
        content = text[position : end_tag.start()]
        position = end_tag.end()
        parts.append(_shown(name, opening[2], content, saved, math))
    return "".join([*parts, text[position:]]) if parts else text


def save_code(text: str, saved: SavedTexts, template: Template) -> str:
    """Return a page with stand-ins for what its elements of code show.

    `template` returns what the inside of a template shows, None if it isn't known.
    """
    parts: list[str] = []
    position = 0
    ends = _Ends(text)
    while opening := CODE_OPENING.search(text, position):
        parts.append(text[position : opening.start()])
        position = opening.end()
        end_tag = ends.after("code", position)
        if end_tag is not None:
            parts.append(saved.save(_code(text[position : end_tag.start()], template)))
            position = end_tag.end()
    return "".join([*parts, text[position:]]) if parts else text


class _Ends:
    """The end tags of a text, found in order: a name without one is searched for once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._next: dict[str, re.Match[str] | None] = {}

    def after(self, name: str, position: int) -> re.Match[str] | None:
        """Return the first end tag of a name after a position; positions must not decrease."""
        found = self._next.get(name)
        if name in self._next and (found is None or found.start() >= position):
            return found
        self._next[name] = END_TAGS[name].search(self._text, position)
        return self._next[name]


def _gap(name: str) -> str:
    return REMOVED if name in PICTURES or name in FORMULAS else UNSEEN


def _shown(name: str, attributes: str, content: str, saved: SavedTexts, math: str) -> str:
    if name in DROPPED:
        return _gap(name)
    if name in FORMULAS:
        formula = " ".join(unescape(content).split()) if math == "tex" else ""
        return saved.save(formula) if formula else REMOVED
    if name == "nowiki":
        return saved.save(unescape(content))
    if name == "pre":
        return f"\n{saved.save(unescape(NOWIKI.sub('', content)).strip(chr(10)))}\n"
    if "inline" in attributes.lower():
        return saved.save(content.strip())
    return f"\n{saved.save(content.strip(chr(10)))}\n"


def _code(text: str, template: Template) -> str:
    """Return what an element of code shows."""

    def known(found: re.Match[str]) -> str:
        shown = template(found[0][2:-2])
        return found[0] if shown is None else shown

    text = CODE_TEMPLATE.sub(known, text)
    text = CODE_LINK.sub(lambda found: found[2] or found[1].lstrip(":"), text)
    text = CODE_TAG.sub("", CODE_BREAK.sub("\n", text))
    text = text.replace(REMOVED, "").replace(UNSEEN, "").replace(BAR, "|")
    return unescape(CODE_QUOTES.sub(r"\2", text))
