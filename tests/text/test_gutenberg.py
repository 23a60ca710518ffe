import json
import zipfile
from pathlib import Path

import pytest

from lmkit.text.gutenberg import without_gutenberg
from tests.conftest import Lmkit, texts
from tests.readers.reading import documents
from tests.readers.test_epub import CONTAINER, PACKAGE

# The lines of Project Gutenberg's files of 2024 (pg11), and of an older one.
NEW = """The Project Gutenberg eBook of A Book

Title: A Book

Author: Ann Other

Language: English

Credits: Somebody

*** START OF THE PROJECT GUTENBERG EBOOK A BOOK ***

CHAPTER I

It begins.

It ends.

*** END OF THE PROJECT GUTENBERG EBOOK A BOOK ***

Updated editions will replace the previous one. START: FULL LICENSE
"""
OLD = """Project Gutenberg's A Book, by Ann Other

*** START OF THIS PROJECT GUTENBERG EBOOK A BOOK
BY ANN OTHER ***

Produced by Somebody and
Somebody Else

It begins.

End of Project Gutenberg's A Book, by Ann Other
"""


def test_header_and_licence_are_left_out_and_the_fields_are_kept() -> None:
    text, fields = without_gutenberg(NEW.replace("\n", "\r\n"))
    assert text == "CHAPTER I\n\nIt begins.\n\nIt ends."
    assert fields == {"title": "A Book", "author": "Ann Other", "language": "English"}
    assert without_gutenberg(OLD)[0] == "It begins."


LICENCE = f"""{"A sentence of the licence of Project Gutenberg. " * 400}

This Web site includes information about Project Gutenberg, including how to
subscribe to our email newsletter to hear about new eBooks.
"""


def test_of_several_books_in_a_file_all_remain() -> None:
    other = NEW.replace("It begins.", "Another begins.").replace("Title: A Book", "Title: Another")
    text, fields = without_gutenberg("\n\n".join((NEW + LICENCE, OLD + LICENCE, other + LICENCE)))
    books = ("CHAPTER I\n\nIt begins.\n\nIt ends.", "It begins.")
    assert text == "\n\n\n".join((*books, "CHAPTER I\n\nAnother begins.\n\nIt ends."))
    assert fields == {}  # the old one states none
    assert without_gutenberg(NEW + LICENCE + other)[1] == {
        "author": "Ann Other",
        "language": "English",
    }


def test_what_stands_after_a_licence_remains() -> None:
    mine = "My own story.\n\nIt has two paragraphs."
    text, _ = without_gutenberg(f"{NEW}{LICENCE}\n*** END: FULL LICENSE ***\n\n{mine}\n\n{OLD}")
    assert text == f"CHAPTER I\n\nIt begins.\n\nIt ends.\n\n\n{mine}\n\n\nIt begins."
    assert without_gutenberg(f"{NEW}{LICENCE}\n{mine}\n")[0].endswith(f"It ends.\n\n\n{mine}")


def test_what_is_too_long_for_a_licence_remains() -> None:
    end = "*** END OF THE PROJECT GUTENBERG EBOOK A BOOK ***"
    book, licence = NEW.partition(end)[0] + end, "A licence of another kind.\n"
    assert without_gutenberg(f"{book}\n{licence}")[0].endswith("It ends.")
    long = "A story that nobody knows.\n" * 2_000
    assert without_gutenberg(f"{book}\n{long}")[0].count("A story that nobody knows.") == 2_000


@pytest.mark.parametrize("text", ["It begins.\r\n", "On Project Gutenberg I found it.\n", ""])
def test_other_texts_are_unchanged(text: str) -> None:
    assert without_gutenberg(text) == (text, {})


def write(path: Path) -> Path:
    header, _, rest = NEW.partition("CHAPTER I")
    body, _, footer = rest.partition("*** END")
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("META-INF/container.xml", CONTAINER)
        book.writestr("EPUB/a_book.opf", PACKAGE)
        for name, text in (("one ", f"{header}CHAPTER I{body}"), ("two", f"*** END{footer}")):
            blocks = "".join(f"<p>{each}</p>" for each in text.split("\n\n"))
            html = f"<html><body><section>{blocks}</section></body></html>"
            book.writestr(f"EPUB/text/{name}.xhtml", html)
    return path


def test_an_epub_has_neither_header_nor_licence(tmp_path: Path) -> None:
    (document,) = documents(write(tmp_path / "a.epub"))
    assert document.text == "CHAPTER I\n\nIt begins.\n\nIt ends."
    assert document.metadata["author"] == "Ann" and document.metadata["language"] == "en"


def test_it_is_kept_on_request(here: Path, lmkit: Lmkit) -> None:
    write(here / "a.epub")
    assert lmkit("clean", "a.epub", "--output", "c", "--no-read.gutenberg")[0] == 0
    assert json.dumps(texts(here / "c")).count("PROJECT GUTENBERG EBOOK") == 2
