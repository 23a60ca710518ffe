"""Templates that show one character, or a few: `{{!}}`, `{{ndash}}`."""

from lmkit.readers.wiki.marks import BAR

NAMES = {
    BAR: "! pipe",
    BAR * 2: "!!",
    f"{BAR}-": "!-",
    "{" + BAR: "(!",
    BAR + "}": "!)",
    "=": "= equals equal",
    "{": "( leftbrace",
    "}": ") rightbrace",
    "{{": "((",
    "}}": "))",
    "[": "[",
    "]": "]",
    ":": "colon",
    ";": "semicolon",
    "*": "asterisk *",
    "#": "hash",
    "'": "' ap apos",
    "'\"": "'\"",
    "\"'": "\"'",
    " ": "nbsp nbs space spaces sp pad thinsp hairsp thin_space hair_space nnbsp quad",
    "\u2013": "ndash \u2013 en_dash endash nd",
    "\u2014": "mdash \u2014 em_dash emdash md",
    " \u2013 ": (
        "snd spnd sndash spndash spaced_ndash spaced_en_dash snds s-ndash nbsp-ndash spaced_endash"
    ),
    " \u2014 ": "smd smdash spaced_mdash spaced_em_dash spmdash",
    " \u00b7 ": "\u00b7 dot middot interpunct",
    " \u2022 ": "\u2022 bull bullet",
    "\u2212": "minus \u2212",
    "\u00b1": "pm \u00b1 +- plusmn +/-",
    "\u00d7": "times \u00d7",
    "\u00b0": "deg degree \u00b0",
    "\u2032": "prime \u2032",
    "\u2033": "pprime dprime \u2033",
    "\u2026": "hellip ellipsis ...",
    "\u266f": "sharp \u266f",
    "\u266d": "flat \u266d",
    "\u266e": "natural \u266e",
    "\u03c0": "pi \u03c0",
    "\u2713": "check",
    "\n": "br break crlf",
    "\n\n": "paragraph_break pb parbreak para paragraph",
}
SYMBOLS = {name.replace("_", " "): sign for sign, names in NAMES.items() for name in names.split()}
