from lmkit.reporting.escaped_html import Html
from lmkit.reporting.section import Section


def test_a_section_can_be_linked_to() -> None:
    found = Section("A <title>", "made", Html("<p>text</p>")).shown()
    assert found.startswith('<section id="made"') and "<h2>A &lt;title&gt;</h2><p>text" in found
