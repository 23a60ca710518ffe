"""The visible text of a page: what a reader sees, once, with blocks and cells apart.

Choices:
- resiliparse renders the text in native code. What it would glue (the summary of details, a
  legend, items of a menu) or leave out (captions, labels, buttons) is renamed first to elements
  that it knows.
- Ruby: the base text alone, as in running text; the readings are a gloss.
- What no reader sees is removed: `hidden`, `display: none`, `visibility: hidden`, closed dialogs.
- Exponents and indices of digits and signs become Unicode's (m², H₂O, 10⁻⁶); others that follow a
  base become `x^k`, `p_max`. Ordinals (1st, XIXe) and notes (with a link) stay as they are.
"""

import re
from typing import Any

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from lmkit.readers.web.formulas import MARKUP, Formulas, replace_formulas

UNSEEN = "<ruby", "<rp", "<su", "<dialog", "<canvas", "<datalist", "hidden", "display"
"""What a page holds that `prepare` would change, beside formulas."""
READINGS = "ruby rt,ruby rtc,rp,canvas,datalist,dialog:not([open])"
HIDDEN = "[hidden],[style*='display' i],[style*='visibility' i]"
HIDING = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.IGNORECASE)
NEVER_HIDDEN = {"html", "body", "main", "article"}
INDICES = "sup,sub"
PLAIN = "0123456789+-\u2212=()"
SUPERSCRIPTS = str.maketrans(PLAIN + "ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ")
SUBSCRIPTS = str.maketrans(PLAIN + "ijnkmx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ᵢⱼₙₖₘₓ")
ALL_PLAIN = re.compile(f"[{re.escape(PLAIN)}]+")
TOKEN = re.compile(r"[A-Za-z\u0391-\u03a9\u03b1-\u03c9\d+\-\u2212=*/.,()\u221e\u2032 ]{1,40}", re.A)
"""What may be an exponent or an index: longer ones, or in other scripts, are small print."""
NUMBER = re.compile(r"[+\-\u2212]?[\d.,]+", re.ASCII)
WORD = re.compile(r"[A-Za-z]{2,}\.?")
ORDINAL_LETTERS = set("aoedrsh")
VARIABLE = "i,em,var"
FALLBACKS = re.compile(r"</?(?:frameset|noframes|noscript)\b[^>]*>", re.IGNORECASE)
NEW_NAMES = [
    ("menu", "ul", True),
    ("legend,summary,search,xmp,listing,optgroup", "div", True),
    ("p time,li time,td time,dd time", "span", True),
    ("figure,figcaption,dialog,option", "div", False),
    ("label,button,output", "span", False),
]
"""Elements, what they become, and whether in main content too."""
EMPTY = "ul:empty,ol:empty,menu:empty,pre:empty,ul>li:empty"
"""resiliparse never leaves a list or preformatted text that is empty: all that follows is in it."""
MAX_LIST_DEPTH = 20
"""Depth of lists in one another. Text in deeper ones is not indented more, which is quadratic."""
RENAMED = re.compile(
    r"<(?:menu|legend|summary|search|xmp|listing|optgroup|time|fig|dialog|option|label|button)",
    re.IGNORECASE,
)


def prepare(html: str, formulas: Formulas = "tex") -> tuple[HTMLTree, bool]:
    """Parse a page without what no reader sees; return whether anything was changed."""
    tree = HTMLTree.parse(html)
    lower = html.lower()
    unseen = any(each in lower for each in UNSEEN)
    markup = any(each in lower for each in MARKUP)
    if tree.document is None or not (unseen or markup):
        return tree, False
    if markup:
        replace_formulas(tree, formulas)
    if unseen:
        _remove_hidden(tree)
        for element in tree.document.query_selector_all(INDICES)[:]:
            _write_index(tree, element)
    return tree, True


def _remove_hidden(tree: HTMLTree) -> None:
    document: Any = tree.document
    for element in document.query_selector_all(READINGS)[:]:
        element.decompose()
    for element in document.query_selector_all(HIDDEN)[:]:
        style = element.getattr("style") or ""
        hidden = element.getattr("hidden")
        is_hidden = HIDING.search(style) or (hidden is not None and hidden != "until-found")
        if is_hidden and element.tag not in NEVER_HIDDEN and element.closest("body") is not None:
            element.decompose()


def _write_index(tree: HTMLTree, element: Any) -> None:
    """Replace an exponent or an index with text that says that it is one."""
    text = (element.text or "").strip()
    if not TOKEN.fullmatch(text) or element.query_selector("a") or element.closest("a,pre"):
        return
    is_exponent = element.tag == "sup"
    written = text.translate(SUPERSCRIPTS if is_exponent else SUBSCRIPTS)
    if not ALL_PLAIN.fullmatch(text):
        before = element.prev
        base = ((before.text if before is not None else "") or "")[-1:]
        if not (base.isalnum() or base in {")", "]", "|"}) or (
            is_exponent and _is_ordinal(element)
        ):
            return
        if len(text) > 1 or written == text:
            is_single = text.isalnum() or NUMBER.fullmatch(text)
            written = ("^" if is_exponent else "_") + (text if is_single else f"({text})")
    element.replace_with(tree.create_text_node(written))


def _is_ordinal(element: Any) -> bool:
    """Return whether a raised text is that of an ordinal or abbreviation: 1st, XIXe, Mme."""
    text = (element.text or "").strip()
    is_letter = text in ORDINAL_LETTERS and element.query_selector(VARIABLE) is None
    return is_letter or WORD.fullmatch(text) is not None


def visible_text(tree: HTMLTree) -> str:
    """Return all the visible text of a parsed page, which it may change."""
    return extract_plain_text(tree, main_content=False, alt_texts=False)


def rename(tree: HTMLTree, html: str, *, main: bool = False) -> None:
    """Rename elements that resiliparse would glue to others, or leave out.

    In main content, captions and controls are left out, and times in text are kept.
    """
    if tree.document is None:
        return
    for element in tree.document.query_selector_all("body title")[:]:
        element.decompose()
    for element in tree.document.query_selector_all(EMPTY)[:]:
        _rename(tree, element, "div")
    if RENAMED.search(html):
        for names, name, is_for_main in NEW_NAMES:
            if is_for_main or not main:
                for element in tree.document.query_selector_all(names)[:]:
                    _rename(tree, element, name)
    lists = tree.document.query_selector_all("ul,ol")[:]
    if len(lists) > MAX_LIST_DEPTH:
        for element in [each for each in lists if _is_too_deep(each)]:
            _rename(tree, element, "div")


def _rename(tree: HTMLTree, element: Any, name: str) -> None:
    new: Any = tree.create_element(name)
    element.replace_with(new)
    for child in element.child_nodes[:]:
        new.append_child(child)


def _is_too_deep(element: Any) -> bool:
    """Return whether a list is in so many others that its indentation would be most of the text."""
    for _ in range(MAX_LIST_DEPTH):
        element = element.parent.closest("ul,ol")
        if element is None:
            return False
    return True


def all_content(html: str, formulas: Formulas = "tex") -> tuple[str, HTMLTree]:
    """Return all the visible text of a page, and the parsed page."""
    tree, _ = prepare(html, formulas)
    rename(tree, html)
    return visible_text(tree), tree


def fragment_text(html: str, formulas: Formulas = "tex") -> str:
    r"""Return all visible text, with paragraphs and lists kept.

    >>> fragment_text("<p>One.</p><p>Two &amp; 3<sup>2</sup>.</p>")
    'One.\n\nTwo & 3².'
    """
    return all_content(html, formulas)[0].strip()


def hidden_content(html: str, _: Formulas = "tex") -> tuple[str, HTMLTree]:
    """Return all the text of a page, also what a browser shows only with or without scripts."""
    html = FALLBACKS.sub("", html)
    tree = HTMLTree.parse(html)
    rename(tree, html)
    return visible_text(tree), tree
