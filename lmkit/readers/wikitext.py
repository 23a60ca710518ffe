"""MediaWiki markup converted to plain text (https://www.mediawiki.org/wiki/Help:Formatting).

Choices:
- Templates, tables, references, files and categories are removed, not rendered: what they would
  show depends on pages that a dump may not hold. Sections, lists and link texts are kept.
- Brackets are matched in one pass with a stack, so the time is linear for any depth; brackets that
  are never closed are treated as text.
"""

import re
from html import unescape

COMMENT = re.compile(r"<!--.*?(?:-->|$)", re.DOTALL)
# Elements whose content is not prose.
DROPPED = re.compile(
    r"<(ref|gallery|math|chem|score|timeline|imagemap|syntaxhighlight|source|graph|templatedata"
    r"|templatestyles|hiero|mapframe)\b(?:[^>]*/>|[^>]*>.*?</\1\s*>)",
    re.DOTALL | re.IGNORECASE,
)
BREAK = re.compile(r"<br\s*/?>|</?(?:p|div|blockquote|center|poem)\b[^>]*>", re.IGNORECASE)
TAG = re.compile(r"</?[A-Za-z][^<>]*>")
PARAMETER = re.compile(r"\{\{\{[^{}]*\}\}\}")
BRACKET = re.compile(r"\{\{|\}\}|\{\||\|\}(?!\})|\[\[|\]\]")
CLOSES = {"}}": "{{", "|}": "{|", "]]": "[["}
QUOTES = re.compile(r"'{2,5}")
EXTERNAL = re.compile(r"\[(?:https?:|ftp:)?//[^\s\]]+[ \t]*([^\]\n]*)\]")
HEADING = re.compile(r"^(={1,6})[ \t]*(.*?)[ \t]*\1[ \t]*$", re.MULTILINE)
LIST = re.compile(r"^[*#:;]+[ \t]*", re.MULTILINE)
RULE = re.compile(r"^-{4,}", re.MULTILINE)
SWITCH = re.compile(r"__[A-Z]{3,}__")
EMPTY_BRACKETS = re.compile(r"[ \t]*\((?:[\s,;:]|&nbsp;)*\)")
BLANK = re.compile(r"\n[ \t]*(?:\n[ \t]*){2,}")
PREFIX = re.compile(r"\s*:?\s*([^\[\]|:{}]{1,40}):")
# In the languages of the largest Wikipedias; others are recognized by the parameters of an image.
MEDIA_PREFIXES = {
    "file",
    "image",
    "media",
    "category",
    "datei",
    "bild",
    "kategorie",
    "fichier",
    "catégorie",
    "archivo",
    "imagen",
    "categoría",
    "immagine",
    "categoria",
    "ficheiro",
    "imagem",
    "bestand",
    "afbeelding",
    "categorie",
    "plik",
    "grafika",
    "kategoria",
    "файл",
    "изображение",
    "категория",
    "ファイル",
    "画像",
    "カテゴリ",
    "文件",
    "图像",
    "分类",
    "檔案",
    "圖像",
    "分類",
    "fil",
    "kategori",
    "tiedosto",
    "luokka",
    "soubor",
    "dosya",
    "파일",
    "분류",
    "tập tin",
    "thể loại",
}
PICTURE = re.compile(
    r"\|\s*(?:thumb|thumbnail|frame|frameless|mini|miniatur|vignette|\d+px)\s*[|\]]"
)


def plain_wikitext(text: str) -> str:
    """Return the visible text of a page, without its boxes and tables.

    >>> plain_wikitext("'''Anna''' {{born|1}} lives in [[Paris, Texas|Paris]].<ref>x</ref>")
    'Anna lives in Paris.'
    """
    text = COMMENT.sub("", text)
    text = DROPPED.sub("", text)
    text = _without_brackets(PARAMETER.sub("", text))
    text = BREAK.sub("\n", text)
    text = TAG.sub("", text)
    text = EXTERNAL.sub(r"\1", text)
    text = QUOTES.sub("", text)
    text = HEADING.sub(r"\n\2\n", text)
    text = SWITCH.sub("", RULE.sub("", LIST.sub("", text)))
    text = unescape(text)
    text = EMPTY_BRACKETS.sub("", text)
    text = re.sub(r"(?<=\S)[ \t]{2,}", " ", text)
    return BLANK.sub("\n\n", text).strip()


def _without_brackets(text: str) -> str:
    """Resolve links, and remove templates and tables, innermost first."""
    stack: list[tuple[str, list[str]]] = [("", [])]
    position = 0
    for found in BRACKET.finditer(text):
        stack[-1][1].append(text[position : found.start()])
        position = found.end()
        bracket = found[0]
        if bracket in {"{{", "{|", "[["}:
            stack.append((bracket, []))
            continue
        opened = CLOSES[bracket]
        # The nearest that it can close; brackets opened in between are text.
        depth = next(
            (n for n in range(len(stack) - 1, max(0, len(stack) - 6), -1) if stack[n][0] == opened),
            0,
        )
        if not depth:
            stack[-1][1].append("" if bracket != "|}" else "|}")
            continue
        while len(stack) - 1 > depth:
            inner, parts = stack.pop()
            stack[-1][1].append(inner + "".join(parts))
        kind, parts = stack.pop()
        stack[-1][1].append(_link("".join(parts)) if kind == "[[" else "")
    stack[-1][1].append(text[position:])
    while len(stack) > 1:
        kind, parts = stack.pop()
        # Never closed: most often a template; its first line is lost, the rest is text.
        rest = "".join(parts)
        stack[-1][1].append(rest.partition("\n")[2] if kind != "[[" else rest)
    return "".join(stack[0][1])


def _link(inside: str) -> str:
    """Return the visible text of a link."""
    target, bar, label = inside.partition("|")
    prefix = PREFIX.match(target)
    if prefix and not target.lstrip().startswith(":"):
        name = prefix[1].strip().lower()
        if name in MEDIA_PREFIXES or (bar and PICTURE.search(f"|{label}]")):
            return ""
        if re.fullmatch(r"[a-z]{2,3}(?:-[a-z-]+)?", name) and not bar:  # another language's page
            return ""
    return label.rpartition("|")[2] if bar and label else target.lstrip(" :")
