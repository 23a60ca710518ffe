# ruff: noqa: RUF001 (these characters are intended)
import re

from hypothesis import given
from hypothesis import strategies as st

from lmkit.filters.byte_strings import byte_strings
from lmkit.filters.chunk_shapes import MAX_SHAPE, contains_any, filled, shaped, stand_ins

LIKELY = st.from_regex(r"\A[\"(_‘é]{0,2}[A-Za-z0-9é-]{0,9}('s|’s)?[.,_;)”…]{0,3}\Z")
CHUNKS = st.lists(LIKELY.filter(bool) | st.text(min_size=1))
RUN = re.compile("[A-Za-z]{2,}|[0-9]{2,}")


@given(CHUNKS)
def test_cores_and_shapes_make_up_the_chunks(chunks: list[str]) -> None:
    chunks = [chunk for chunk in chunks if not re.search(r"[\s\x00-\x20\x7f\ud800-\udfff]", chunk)]
    found = shaped(byte_strings(chunks))
    cores = iter(found.cores.texts())
    shapes = zip(found.indices, found.shapes.texts(), found.core_counts, strict=True)
    for index, shape, count in shapes:
        of_chunk = [next(cores) for _ in range(count)]
        assert of_chunk == RUN.findall(chunks[index])
        assert filled(shape, of_chunk) == chunks[index]
    plain = [
        index
        for index, chunk in enumerate(chunks)
        if re.fullmatch("[!-~–—‘’“”…]+", chunk) and len(chunk.encode()) <= MAX_SHAPE
    ]
    assert found.indices.tolist() == plain


@given(CHUNKS)
def test_stand_ins_have_the_shape_of_the_cores(chunks: list[str]) -> None:
    chunks = [chunk for chunk in chunks if not re.search(r"[\s\ud800-\udfff]", chunk)]
    for shape in shaped(byte_strings(chunks)).shapes.texts():
        if cores := stand_ins(shape):
            assert shaped(byte_strings([filled(shape, cores)])).shapes.texts() == [shape]


def test_words_are_found_in_any_case_and_within_one_core() -> None:
    cores = shaped(byte_strings(["JavaScript", "Termite", "ter-ms", "terms"])).cores
    found = contains_any(cores, ("terms", "javascript"))
    assert dict(zip(cores.texts(), found.tolist(), strict=True)) == {
        "JavaScript": True,
        "Termite": False,
        "ter": False,
        "ms": False,
        "terms": True,
    }
