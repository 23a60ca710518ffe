import os

import pytest

from lmkit.readers.html_main_content import main_content
from lmkit.readers.web.fast_content import fast_content
from lmkit.readers.web.visible_text import all_content
from tests.readers.web.random_pages import BOILERPLATE, TAGS, page, without_space

PAGES = int(os.environ.get("LMKIT_RANDOM_PAGES", "200"))
WAYS = {"main": main_content, "fast": fast_content, "all": all_content}


@pytest.mark.parametrize("way", WAYS)
def test_every_visible_character_of_inline_markup_is_kept(way: str) -> None:
    # The fast way judges elements by their class, inline ones too.
    tags = TAGS if way == "fast" else TAGS + BOILERPLATE
    lost: list[str] = []
    for seed in range(PAGES):
        html, blocks = page(seed, tags)
        found = without_space(WAYS[way](html)[0])
        for name, text in blocks:
            if without_space(text) not in found:
                start = found.find(name + ":")
                lost.append(f"{seed}: {text!r}\n   {found[start : start + len(text) + 20]!r}")
    assert not lost, f"{len(lost)} blocks of {PAGES} pages\n" + "\n".join(lost[:12])
