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
        self._before: list[int] = []
        self._tokens, self._shown = list(context), 0
        """The tokens that aren't complete, and how many of their characters were returned."""
        end = len(context)
        while end and self._is_byte(context[end - 1]):
            end -= 1
        self.start = self._release(_unchanging(tokenizer.decode(context[:end])))
        """The text of the context, as far as nothing can change it."""

    def push(self, token: int) -> str:
        """Add a token; return the text that nothing can change any more."""
        self._tokens.append(token)
        return self._release(self._shown if self._is_byte(token) else _unchanging(self._text()))

    def _release(self, end: int) -> str:
        """Return what wasn't returned of the text up to `end`."""
        text = self._text()
        new, self._shown = text[self._shown : end], end
        self.tail = text[end:]
        """Text that the next token may change."""
        if not self.tail:
            self._before, self._tokens, self._shown = self._tokens, [], 0
        return new

    def _text(self) -> str:
        """Return the text of the tokens that aren't complete."""
        before = len(self._tokenizer.decode(self._before))
        return self._tokenizer.decode([*self._before, *self._tokens])[before:]

    def _is_byte(self, token: int) -> bool:
        return BYTE_TOKEN.fullmatch(self._tokenizer.text_of(token) or "") is not None


def _unchanging(text: str) -> int:
    """Return how many characters stay: the last one may be a part of another."""
    return len(text) - text.endswith(PART_OF_A_CHARACTER)
