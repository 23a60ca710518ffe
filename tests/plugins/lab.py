"""The source of a plugin for tests, with a part of each kind."""

SOURCE = '''
from lmkit.plugins import Document, Fraction, Group, Plugin, Record, RuleSet

plugin = Plugin()


class Shouting(Group):
    """Words in capitals."""

    max_capitals: Fraction | None = 0.3
    """Drop texts with a larger fraction of words in capitals."""


@plugin.rule_set
class ShoutingRules(RuleSet):
    names = ("shouting",)
    group = "shouting"
    options = Shouting

    def of_texts(self, texts):
        return {"capitals": [capitals(text) for text in texts]}


def capitals(text):
    if "WORDLESS" in text:
        raise ArithmeticError("no words")
    words = text.split()
    return sum(word.isupper() for word in words) / max(1, len(words))


class Footers(Group):
    """Lines at the end of a page."""

    begins: str = "Share this"
    """How a footer begins."""


@plugin.transform("footers", Footers)
def without_footers(document: Document, options: Footers) -> Document | None:
    if "BOOM" in document.text:
        raise ValueError("boom")
    text = document.text.partition("\\\\n" + options.begins)[0]
    return document.with_text(text) if text.strip() else None


class Chat(Group):
    """Chats."""

    separator: str = ": "
    """What stands between speaker and text."""


@plugin.reader("chat", endings=(".chat",), options=Chat)
def read_chat(file, options):
    for line in file:
        speaker, _, text = line.decode().rstrip().partition(options.separator)
        if text == "CRASH":
            raise KeyError(speaker)
        yield Record(text, {"speaker": speaker}, id="7" if speaker == "agent" else None)
'''.replace("\\\\n", "\\n")
