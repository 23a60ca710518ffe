r"""Formulas in pages: each becomes its TeX source, once, or is left out.

Choices:
- Pages write a formula several times: for eyes, for screen readers, as source. The source is taken
  where there is one (an annotation of MathML, a script of MathJax, the `alt` of a picture), and the
  other versions are removed.
- MathML without source becomes one line of text: x^2, a_i, p/q, √(x).
- `{\displaystyle …}`, which MediaWiki puts around every formula, is removed.
"""

import re
from typing import Any, Literal

from resiliparse.parse.html import HTMLTree

Formulas = Literal["tex", "drop"]
MARKUP = (
    *("<math", "<mjx-", "katex", "mathjax", "math/tex", "mwe-math"),
    *(f"class={quote}{name}" for quote in ("", "'", '"') for name in ("tex", "latex")),
)
"""In lower case: every page with a formula holds one of these."""
WRAPPERS = ".mwe-math-element,.katex-display,.katex,mjx-container"
"""Elements that hold all versions of a formula."""
SOURCES = "script[type^='math/tex']"
RENDERED = (
    ".MathJax,.MathJax_Display,.MathJax_Preview,.MathJax_SVG,.MathJax_SVG_Display,.MathJax_CHTML,"
    ".mjx-chtml,.MJXc-display"
)
"""What MathJax 2 adds next to a script that holds the source."""
PICTURES = (
    "img.mwe-math-fallback-image-inline,img.mwe-math-fallback-image-display,img.tex,img.latex"
)
ANNOTATION = "annotation[encoding*='tex' i]"
DISPLAY_STYLE = re.compile(r"\{\s*\\(?:displaystyle|textstyle)\b(.*)\}", re.DOTALL)
CDATA_START = re.compile(r"\s*+%\s*+<!\[CDATA\[")
SCRIPTS = {"msup": "^", "mover": "^", "msub": "_", "munder": "_", "mfrac": "/"}
BOTH = {"msubsup", "munderover"}
LEFT_OUT = {"annotation", "annotation-xml", "mphantom", "maction-hidden"}
MAX_DEPTH = 100


def replace_formulas(tree: HTMLTree, formulas: Formulas) -> None:
    """Replace the formulas of a page with their source, or remove them."""
    document: Any = tree.document
    scripts = document.query_selector_all(SOURCES)[:]
    if scripts:
        for element in document.query_selector_all(RENDERED)[:]:
            if element.query_selector(SOURCES) is None:
                element.decompose()
        for element in scripts:
            _replace(tree, element, _source(element.text or "") if formulas == "tex" else "")
    body: Any = tree.body
    if body is None:
        return
    for selector in (WRAPPERS, "math", PICTURES):
        # The inner ones of nested wrappers leave the document with the outer one, and follow it.
        # Asking each whether it is still there would take quadratic time.
        left = 0
        for element in body.query_selector_all(selector)[:]:
            if left:
                left -= 1
                continue
            text = "" if formulas == "drop" else _text(element)
            if text is not None:
                left = len(element.query_selector_all(selector))
                _replace(tree, element, text)


def _text(element: Any) -> str | None:
    """Return the source of a formula, or its text; None to leave an element as it is."""
    if element.tag == "img":
        return _source(element.getattr("alt") or "")
    annotation = element.query_selector(ANNOTATION)
    if annotation is not None and (annotation.text or "").strip():
        return _source(annotation.text)
    math = element if element.tag == "math" else element.query_selector("math")
    picture = element.query_selector("img[alt]") if element is not math else None
    source = (math.getattr("alttext") if math is not None else None) or (
        picture.getattr("alt") if picture is not None else None
    )
    if source and source.strip():
        return _source(source)
    return _linear(math, 0) if math is not None else None


def _source(tex: str) -> str:
    r"""Return TeX source in one line, without MediaWiki's style around it.

    >>> _source(r"{\displaystyle h+3n}")
    'h+3n'
    """
    tex = " ".join(_without_cdata(tex).split())
    found = DISPLAY_STYLE.fullmatch(tex)
    return found[1].strip() if found else tex


def _without_cdata(tex: str) -> str:
    """Return a source without the marks of CDATA around it, which are comments of TeX.

    >>> _without_cdata("% <![CDATA[ a % ]]>")
    ' a '
    """
    if start := CDATA_START.match(tex):
        tex = tex[start.end() :]
    end = tex.rstrip()
    return end.removesuffix("]]>").rstrip().removesuffix("%") if end.endswith("]]>") else tex


def _linear(node: Any, depth: int) -> str:
    """Return the text of MathML in one line."""
    if depth > MAX_DEPTH or node.tag in LEFT_OUT:
        return ""
    children = [child for child in node.child_nodes if child.tag != "#comment"]
    if not children or node.tag == "#text":
        return " ".join((node.text or "").split())
    elements = [child for child in children if child.tag != "#text"]
    if not elements:
        return " ".join((node.text or "").split())
    parts = [_linear(child, depth + 1) for child in elements]
    if node.tag in SCRIPTS and len(parts) == 2:
        return f"{_grouped(parts[0])}{SCRIPTS[node.tag]}{_grouped(parts[1])}"
    if node.tag in BOTH and len(parts) == 3:
        return f"{_grouped(parts[0])}_{_grouped(parts[1])}^{_grouped(parts[2])}"
    if node.tag == "msqrt":
        return f"√{_grouped(''.join(parts))}"
    if node.tag in {"mtr", "mlabeledtr"}:
        return " ".join(parts)
    return ("; " if node.tag == "mtable" else "").join(parts)


def _grouped(text: str) -> str:
    return text if len(text) <= 1 or text.isalnum() else f"({text})"


def _replace(tree: HTMLTree, element: Any, text: str) -> None:
    element.replace_with(tree.create_text_node(text))
