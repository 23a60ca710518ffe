"""Text that has a UTF-8 form."""


def well_formed(text: str) -> str:
    r"""Replace each unpaired surrogate by U+FFFD.

    JSON can contain them (`"\ud800"`) and Python keeps them, but they can't be encoded as UTF-8.
    Two halves of a pair become the character that they encode.

    >>> well_formed("a\ud83d\ude00b\ud800") == "a\U0001f600b\ufffd"
    True
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
