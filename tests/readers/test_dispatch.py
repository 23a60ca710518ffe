from pathlib import Path

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.inputs import find_documents
from lmkit.readers.dispatch import read_slice
from tests.conftest import Lmkit


def test_documents_that_lmkit_wrote_keep_their_source_unless_another_is_given(
    raw: Path, lmkit: Lmkit
) -> None:
    lmkit("clean", raw, "--output", "clean")
    (part,) = find_documents([Path("clean")], formats=()).slices
    for given, expected in ((None, "raw"), ("mine", "mine")):
        documents = list(read_slice(part, [], source=given, max_record=1_000))
        assert len(documents) == 3
        assert {document.source for document in documents} == {expected}
        assert all(isinstance(document, Document) for document in documents)
