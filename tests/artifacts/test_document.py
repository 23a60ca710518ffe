import subprocess
import sys

from lmkit.artifacts.document import Document


def test_a_changed_text_leaves_all_else_and_the_original() -> None:
    document = Document("a", "text", "s", {"url": "x"})
    assert document.with_text("other") == Document("a", "other", "s", {"url": "x"})
    assert document.text == "text"
    assert (document.truncated(2).text, document.size) == ("te", 4)


def test_naming_the_type_loads_no_library() -> None:
    code = "import lmkit.artifacts.document, sys; assert not {'pydantic', 'numpy'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True)
