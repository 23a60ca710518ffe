"""Text from a model, made safe for a terminal.

A model may generate any character. Control characters and escape sequences (ESC, CSI) would drive
the terminal: move the cursor, change its title, or answer in place of the person. Bidirectional
overrides would make a text look like another one (Trojan Source, Boucher and Anderson 2021, arXiv
2111.00169). They are shown as escapes. Marks of direction, which Arabic and Hebrew text needs, and
which can't reorder letters, stay.
"""

import re

from lmkit.execution.progress import printable

BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069]")


def terminal_text(text: str) -> str:
    r"""Show what would drive a terminal as escapes; new lines and tabs stay.

    >>> terminal_text("a\x1b[2J\tb\u202ec\n")
    'a\\x1b[2J\tb\\u202ec\n'
    """
    return BIDIRECTIONAL.sub(lambda found: ascii(found[0])[1:-1], printable(text))
