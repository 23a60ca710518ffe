from lmkit.readers.html_main_content import all_content, fragment_text, main_content


def test_side_matter_is_cut_by_its_name() -> None:
    page = (
        "<body><article><h1>A</h1><p>Text of it.</p></article><div class=comments><p>No!</p></div>"
    )
    assert "No!" not in main_content(page)[0] and "Text of it." in main_content(page)[0]
    assert "No!" in all_content(page)[0]


def test_lists_and_code_are_kept() -> None:
    assert "x = 1" in fragment_text("<p>See:</p><pre><code>x = 1</code></pre>")
