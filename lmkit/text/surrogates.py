"""Text that has a UTF-8 form."""


def well_formed(text: str) -> str:
    r"""Replace each half of a surrogate pair that has lost its other half by U+FFFD.

    JSON can carry such halves (`"\ud800"`) and Python keeps them, but UTF-8 has no form for them.
    Two halves that belong together become the character that they stand for.

    >>> well_formed("a\ud83d\ude00b\ud800") == "a\U0001f600b\ufffd"
    True
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
