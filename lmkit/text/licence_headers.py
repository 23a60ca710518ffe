"""Licence headers at the top of source code.

Choices:
- The comments before the first line of code are looked at, one by one; those that are a licence go.
  Lines in them that tools read (an encoding, an editor's settings, a build tag) stay.
- A comment is a licence if it grants or reserves rights: an SPDX line, a copyright statement with a
  year or a holder, the name of a licence where it is granted, a phrase of a licence text. Words
  such as "license" or "public domain" alone are no sign: driving licences have numbers, too.
- A Python docstring goes only if all of its paragraphs are a licence: it may document the module.
"""

import re

MAX_COMMENTS = 8
MAX_TOP = 200_000
MAX_COMMENT = 20_000
FIRST = re.compile(r"\ufeff?(?:#![^\[\n][^\n]*(?:\n|\Z))?(?:<\?php\b[ \t]*\n?)?")
COMMENT = re.compile(
    r"(?P<space>\s*+)(?P<comment>"
    r"(?:/\*.*?\*/|\(\*.*?\*\)|\{-.*?-\}|--\[(?P<level>=*)\[.*?\](?P=level)\]|<#.*?#>|#=.*?=#|"
    r"<!--.*?-->)[ \t]*\n?|^=begin\b.*?^=end\b[^\n]*\n?"
    r"|(?P<doc>[rRuU]?(?:\"\"\".*?\"\"\"|'''.*?''')[ \t]*(?:\n|\Z))"
    r"|(?:[ \t]*+(?://|#(?!\[|!\[|[ \t]*(?:include|define|undef|ifn?(?:def)?|pragma|import|error)"
    r"\b)|--(?!\[=*\[)|;|%|!)[^\n]*(?:\n|\Z))+)",
    re.DOTALL | re.MULTILINE,
)
BRACES = re.compile(r"(?P<space>\s*+)(?P<comment>\{[^$].*?\}[ \t]*\n?)(?P<doc>(?!))?", re.DOTALL)
"""Comments in Pascal."""
MARKS = re.compile(
    r"^[ \t]*(?:/?\*+/?|//[/!]?|<?#+=?|--+|;+|%+|!+|\(\*|\{-?|<!--|\"\"\"|''')[!*]*[ \t]*",
    re.MULTILINE,
)
DIRECTIVE = re.compile(
    r"[ \t]*(?://|#+|--|;+|%+)[ \t]*(?:-\*-.*-\*-|.{0,20}coding[:=]|vim?:|ex:|go:build|\+build|"
    r"frozen_string_literal:|typed:|eslint|@ts-|shellcheck |pylint:|flake8:|mypy:|ruff:|type: )"
)
NAMES = (
    r"(?:mit|apache|(?:new |modified |simplified |\d-clause )?bsd|isc|boost|zlib|mozilla|mpl|"
    r"eclipse|epl|cddl|academic free|artistic|gnu|[al]?gpl|w3c|python software foundation|"
    r"creative commons|cc0|cc[ -]by|unlicense|universal permissive|microsoft public|eupl)"
)
HOLDER = r"(?:authors|contributors|developers|foundation|inc\b|ltd|llc|gmbh|corp|project|team)"
THING = r"(?:file|code|source|software|program|library|work|module|script|package|document)"
LICENCE = re.compile(
    rf"""
    SPDX-(?:License-Identifier|FileCopyrightText|FileContributor)\s*: |
    \bcopyright(?:ed)?\b[\s:,;-]*+(?:\(c\)|©|&copy;|\d{{4}}\b|by\s+\S) |
    (?:^|[\s(])(?:\(c\)|©|&copy;)\s*+(?:copyright\b)?[\s:,]*+(?:\d{{4}}\b|by\s+\S) |
    ^copyright\s(?:the\s)?[^\n.;]{{1,60}}\b{HOLDER} |
    \ball\s+rights\s+reserved\b |
    (?:^|[.,;:)]\s*|\b(?:is|be|(?<!that\s)(?<!which\s)are|{THING})\s+(?:also\s+|dual[- ])?)
        (?:dual[- ])?licen[cs]ed\s+(?:under|to\s+the\s+apache) |
    \bthis\s+{THING}\b[^.]{{0,80}}\blicen[cs]ed\s+under |
    \b(?:released|distributed|provided|published|available|redistribute\b[^.]{{0,80}})
        \s+under\s+(?:the|a|an)\b[^.]{{0,120}}\blicen[cs]e |
    \bunder\s+the\s+terms\s+(?:and\s+conditions\s+)?of\s+(?:the|a)\b[^.]{{0,120}}
        \b(?:licen[cs]e|gpl) |
    \bsubject\s+to\s+the\s+terms\s+of\s+the\b[^.]{{0,80}}\blicen[cs]e |
    \b(?:use\s+of\s+)?this\s+{THING}(?:\s+code)?\s+is\s+(?:governed|covered)\s+by\b |
    ^(?:the\s+)?{NAMES}\b[^\n.]{{0,60}}\blicen[cs]e\b |
    ^@?licen[cs]e\s*[:=]?\s*(?:the\s+)?{NAMES}\b |
    \bpermission\s+is\s+hereby\s+granted\b |
    \bpermission\s+to\s+use,\s+copy,\s+modify\b |
    \bredistribution\s+and\s+use\s+in\s+source\s+and\s+binary\b |
    \bwithout\s+even\s+the\s+implied\s+warranty\b |
    \bsoftware\s+is\s+provided\s+["'“]?as[\s-]+is\b |
    \byou\s+may\s+not\s+use\s+this\s+file\s+except\b |
    \bthis\s+source\s+code\s+form\s+is\s+subject\b |
    \bhereby\s+disclaims\s+copyright\b | \bno\s+copyright\s+is\s+claimed\b |
    \bthis\s+{THING}\b[^.]{{0,40}}\b(?:in|into|to)\s+the\s+public\s+domain\b |
    \b(?:released|placed|put|dedicated)\b[^.]{{0,60}}\b(?:in|into|to)\s+the\s+public\s+domain\b |
    ^public\s+domain\s*(?:[.,;:(]|$) |
    \bsee\s+(?:the\s+)?(?:accompanying\s+)?(?:file\s+)?(?:licen[cs]e|copying)(?:\.\w+)?\b
        [^.]{{0,40}}\b(?:for|file|details|terms)
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)


def without_licence(text: str, language: str | None = None) -> str:
    r"""Return source code without the licences in the comments at its top.

    >>> without_licence("#!/bin/sh\n# Copyright 2020 A. Person\n\necho hi\n")
    '#!/bin/sh\necho hi\n'
    """
    first = FIRST.match(text)
    offset = first.end() if first else 0
    kept = [text[:offset]]
    removed = False
    for _ in range(MAX_COMMENTS):
        found = _comment(text, offset, language)
        if found is None:
            break
        offset = found.end()
        if is_licence(found["comment"], docstring=bool(found["doc"])):
            kept += _directives(found["comment"])
            removed = True
        else:
            kept.append(found["space"].lstrip("\n") if removed else found["space"])
            kept.append(found["comment"])
            removed = False
    rest = text[offset:]
    if removed:
        rest = rest.lstrip("\n")
    return "".join(kept) + rest


def is_licence(comment: str, *, docstring: bool = False) -> bool:
    """Return whether a comment is a licence header.

    >>> is_licence("# SPDX-License-Identifier: MIT"), is_licence("# Driver license numbers")
    (True, False)
    """
    content = MARKS.sub("", comment[:MAX_COMMENT])
    if docstring:
        paragraphs = [part for part in re.split(r"\n\s*\n", content.strip(" \"'\n")) if part]
        return bool(paragraphs) and all(map(LICENCE.search, paragraphs))
    return bool(LICENCE.search(content))


def _comment(text: str, offset: int, language: str | None) -> re.Match[str] | None:
    end = offset + MAX_TOP
    if language == "pascal" and (found := BRACES.match(text, offset, end)):
        return found
    found = COMMENT.match(text, offset, end)
    if found and found["doc"] and language not in {None, "python"}:
        return None
    if found and found["comment"].lstrip().startswith("!") and language != "fortran":
        return None
    return found


def _directives(comment: str) -> list[str]:
    return [line for line in comment.splitlines(keepends=True) if DIRECTIVE.match(line)]
