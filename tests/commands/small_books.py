"""The parts of a small EPUB: the container that names `b.opf`, and that package."""

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="b.opf" media-type="application/oebps-package+xml"/>'
    "</rootfiles></container>"
)


def package(*chapters: str) -> str:
    """Name the chapters, which are files of these names with .xhtml."""
    items = (
        f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>'
        for name in chapters
    )
    spine = (f'<itemref idref="{name}"/>' for name in chapters)
    return (
        f'<package xmlns="http://www.idpf.org/2007/opf"><manifest>{"".join(items)}</manifest>'
        f"<spine>{''.join(spine)}</spine></package>"
    )
