# ruff: noqa: RUF001 (Cyrillic names are intended)
"""Templates that show their own arguments: `{{nowrap|200 steps}}`, `{{convert|12|km2}}`.

Choices:
- The pages of templates aren't read: what is known of them is this table, of names that mean the
  same in many wikis. Every other template is removed.
- Pronunciations (`IPA`) are removed: most are brackets of their own, with a language and a sound.
- A quantity shows its number and unit as they are written, without the conversion; a word in
  another language shows the word, without the name of the language.
- A name is compared without case, with underscores as blanks, and without `Template:` and `subst:`.
"""

from collections.abc import Callable

from lmkit.readers.wiki.marks import UNSEEN
from lmkit.readers.wiki.quantities import as_of, circa, date, fraction, quantity, unit, value
from lmkit.readers.wiki.symbol_templates import SYMBOLS
from lmkit.readers.wiki.template_arguments import KEY, Arguments, arguments_of, numbered


def show_template(name: str, parts: list[str]) -> str | None:
    """Return what a template shows; None if it isn't known. The name is a normalized one.

    >>> show_template("nowrap", ["200 steps"]), show_template("convert", ["5", "to", "10", "km"])
    ('200 steps', '5 to 10 km')
    """
    function = TEMPLATES.get(name)
    if name in SYMBOLS and (not parts or function is None):
        return SYMBOLS[name]
    if function is None and name.startswith(("lang-", "script/")):
        function = PASSED
    if function is None:
        return None
    if parts and function in UNNAMED_FUNCTIONS and all(KEY.match(part) for part in parts):
        keys = {found[1] for part in parts if (found := KEY.match(part))}
        if not keys & KNOWN_KEYS:  # an equals sign that the editor took for text
            return function({str(number): part for number, part in enumerate(parts, 1)})
    return function(arguments_of(parts))


def _first(*names: str) -> Callable[[Arguments], str]:
    """Return a function that gives the first argument with one of the names that isn't empty."""

    def shown(arguments: Arguments) -> str:
        return next((arguments[name] for name in names if arguments.get(name, "").strip()), "")

    return shown


def _last(arguments: Arguments) -> str:
    return numbered(arguments)[-1] if numbered(arguments) else ""


def _joined(separator: str) -> Callable[[Arguments], str]:
    return lambda arguments: separator.join(part.strip() for part in numbered(arguments))


def _around(before: str, after: str = "") -> Callable[[Arguments], str]:
    return lambda arguments: before + arguments.get("1", arguments.get("text", "")).strip() + after


def _block(*names: str) -> Callable[[Arguments], str]:
    shown = _first(*names)
    return lambda arguments: f"\n{shown(arguments).strip()}\n"


def _lines(arguments: Arguments) -> str:
    return "\n" + "\n".join(part.strip() for part in numbered(arguments)) + "\n"


def _foreign(arguments: Arguments) -> str:
    return _first("2", "text")(arguments) or UNSEEN


def _nihongo(arguments: Arguments) -> str:
    english, *rest = [arguments.get(str(n), "").strip() for n in (1, 2, 3)]
    inside = ", ".join(part for part in rest if part)
    if not english:
        return inside
    return f"{english} ({inside})" if inside else english


def _sic(arguments: Arguments) -> str:
    text = "".join(part.strip() for part in numbered(arguments))
    hidden = arguments.get("hide", "").strip().lower() in {"y", "yes", "1", "true"}
    return text if hidden and text else f"{text} [sic]".lstrip()


PASSED = _first("1", "text", "content")
LABEL = _first("2", "lt", "label", "1")
FORM_ONLY = """
nowrap nobr nobreak nowr nowraplinks nwr no_wrap nbr esd small smaller big larger large petit klein
liten pequeño abbr abbrv abréviation abbreviation tooltip hint abk abkürzung hover_title nobold
noitalic noitalics nobold_noitalic normal unbolded smallcaps sc smallcaps2 sc2 sm smcaps
petites_capitales
versalita versalitas allcaps caps maiuscoletto kapitälchen mvar math tmath texhtml em strong
italic italics bold bolditalic mono monospace kbd samp var tt code key_press keypress strikethrough
strike del ins underline overline center centre align_center midsize as_written not_a_typo typo
proper_name chem_name chem2 ce visible_anchor vanchor nolink avoid_wrap hebrew arabic hebr nastaliq
nq unicode polytonic comment подсказка абр num число nts tal kursiv fet fett italique gras flag
flagcountry flagu bdi ltr rtl rtl-lang notatypo serif sans-serif sans cursive inline_block block
sub ind indice ruby ruby-ja ruby-zh ruby-zh-p ふりがな 読み仮名 jpn
"""
LAST = """
color colour font_color fontcolor font_colour font text_color textcolor resize fs font-size fontsize
background_color bg_color couleur farbe script transl transliteration translit xlit
"""
QUOTATIONS = """
quote blockquote cquote quotation bquote zitat cita citation_bloc citat citazione цитата poem
poemquote poem_quote verse verse_translation
"""
DATES = """
start_date end_date birth_date birth-date death_date death-date birth_date_and_age bda iso_date
date-iso isodate date film_date release_date start_date_and_age dts datum date_de_naissance fecha
dato дата
"""
LISTS = "plainlist plain_list unbulleted_list ubl ublist bulleted_list blist indented_plainlist"
MARKS_ONLY = """
sfn sfnp sfnm efn efn-ua efn-la efn-lr refn r rp ref notetag notelist reflist cn fact
citation_needed citation_requise source? when who which clarify dubious better_source_needed refnec
nota_source anchor anker ancre clear - clr coord verify_source failed_verification page_needed
defaultsort zwnbsp wbr shy zwsp refbegin refend ref_label
"""
BY_FUNCTION: list[tuple[Callable[[Arguments], str], str]] = [
    (PASSED, FORM_ONLY),
    (_last, LAST),
    (_foreign, "lang langue idioma sprache api aut"),
    (_first("2", "text", "1"), "langx"),
    (_nihongo, "nihongo nihongo_krt"),
    # Links.
    (
        LABEL,
        "w wplink internal_link wikilink iw не_переведено не_переведено_5 нп нп1 нп2 нп3 нп4 нп5",
    ),
    (_first("lt", "label", "display", "1"), "ill illm interlanguage_link 仮リンク"),
    (_first("1"), "link-en link-ja link-de link-fr"),
    (_first("texte", "fr", "1"), "lien"),
    (_first("3", "1"), "le internal_link_helper/en"),
    (_first("4", "3", "2"), "tsl translink"),
    (_joined(" "), "linktext"),
    # Quantities, dates and formulas.
    (quantity, "convert cvt convertir konvertera converter konvertiere omvandla"),
    (unit, "unité unite unidad unit einheit nombre"),
    (value, "val"),
    (fraction, "frac sfrac fraction fract bruch fração"),
    (circa, "circa c. ca ca. approx"),
    (as_of, "as_of"),
    (date, DATES),
    (date, "death_date_and_age dda"),
    (_around("^"), "sup exp exposant"),
    (_around("\u00d710^"), "e"),
    (_around("10^"), "10^"),
    (_joined(""), "chem chemical_formula s-"),
    (_around("\u20ac"), "euro eur \u20ac"),
    (_around("\u00a3"), "gbp \u00a3 pound_sterling"),
    (_around("US$"), "us$ usd"),
    (_around("A$"), "a$ aud"),
    (_around("\u20b9"), "inr indian_rupee \u20b9"),
    (_around("\u00a5"), "jpy \u00a5 cny rmb"),
    # Quotations and lists.
    (_block("text", "texto", "quote", "1", "content"), QUOTATIONS),
    (_block("2"), "numblk"),
    (_block("1", "text", "equation"), "block_indent bi equation_box_1"),
    (_around("\u201c", "\u201d"), '"'),
    (_around("\u00ab\u00a0", "\u00a0\u00bb"), "guil guillemets \u00ab"),
    (_around("\u2018", "\u2019"), "'"),
    (_joined(", "), "hlist flatlist cslist comma_separated_entries"),
    (_lines, LISTS),
    (_sic, "sic"),
    # What shows only a mark such as [1], or nothing.
    (lambda _: UNSEEN, MARKS_ONLY),
]
TEMPLATES = {
    name.replace("_", " "): function for function, names in BY_FUNCTION for name in names.split()
}
KNOWN_KEYS = {
    "1",
    "2",
    "text",
    "content",
    "link",
    "class",
    "style",
    "size",
    "color",
    "title",
    "lang",
}
UNNAMED_FUNCTIONS = {PASSED, _foreign, _last}
"""Functions for which an unknown name before an equals sign is text."""
