from lmkit.readers.web_fragment import fragment_text


def test_lists_and_code_are_kept() -> None:
    assert "x = 1" in fragment_text("<p>See:</p><pre><code>x = 1</code></pre>")
