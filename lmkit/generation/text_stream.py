"""Text from tokens that arrive one by one, which is never taken back.

Choices:
- A token may end within a character. What the tokens so far have in common with all that can follow
  is shown: the rest waits for the next token. Bytes that never become a character are U+FFFD at the
  end, as in the text that is decoded at once. So the parts together are that text, to the byte.
- Where bytes are tokens of their own (`<0x0A>`), an invalid one makes U+FFFD of all bytes around it
  (tokenizers' ByteFallback), so that a run of them is shown when it has ended.
- Only the tokens since the last complete one are decoded, after those before them: a token's text
  depends on whether it comes first, and decoding all each time would take quadratic time.
"""

import re
from collections.abc import Sequence

from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.tokenizers.word_boundaries import PART_OF_A_CHARACTER

BYTE_TOKEN = re.compile(r"<0x[0-9A-F]{2}>")


class TextStream:
    """Decodes the tokens that follow others.

    Args:
        tokenizer: of the tokens.
        context: the tokens before, such as a prompt.

    """

    def __init__(self, tokenizer: Tokenizer, context: Sequence[int] = ()) -> None:
        self._tokenizer = tokenizer
        end = len(context)
        while end and self._is_byte(context[end - 1]):
            end -= 1
        self._before, self._tokens = list(context[:end]), list(context[end:])
        self._shown = 0
        """Characters of `_tokens` that were returned."""
        self.start = tokenizer.decode(self._before)
        """The text of the context, as far as nothing can change it."""
        self.tail = self._text()
        """Text that the next token may change."""

    def push(self, token: int) -> str:
        """Add a token; return the text that nothing can change any more."""
        self._tokens.append(token)
        text = self._text()
        if self._is_byte(token):
            final = self._shown
        else:
            final = len(text) - text.endswith(PART_OF_A_CHARACTER)
        new, self.tail = text[self._shown : final], text[final:]
        self._shown = final
        if not self.tail:
            self._before, self._tokens, self._shown = self._tokens, [], 0
        return new

    def _text(self) -> str:
        """Return the text of the tokens that aren't complete."""
        before = len(self._tokenizer.decode(self._before))
        return self._tokenizer.decode([*self._before, *self._tokens])[before:]

    def _is_byte(self, token: int) -> bool:
        return BYTE_TOKEN.fullmatch(self._tokenizer.text_of(token) or "") is not None
