"""Pieces of HTML inside other formats: posts, chapters."""

from resiliparse.extract.html2text import extract_plain_text


def fragment_text(html: str) -> str:
    r"""Return all that a reader would see, with paragraphs and lists kept.

    >>> fragment_text("<p>One.</p><p>Two &amp; three.</p>")
    'One.\n\nTwo & three.'
    """
    return extract_plain_text(html, main_content=False, alt_texts=False).strip()
