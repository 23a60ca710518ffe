"""The languages that can be requested, by code and English name.

Choice: the codes are those of the model (see language_id.py), written out here because a command
line must be validated, and documented, without loading it.
"""

from collections.abc import Iterable
from typing import Annotated, Any, cast

from pydantic import BeforeValidator

from lmkit.suggestions import nearest

EVERY = "all"
UNKNOWN = "und"
"""ISO 639-2's code for an undetermined language."""
_TABLE = """
ace Acehnese|af Afrikaans|am Amharic|an Aragonese|ar Arabic|ary Moroccan Arabic|arz Egyptian Arabic
as Assamese|az Azerbaijani|ba Bashkir|bcl Central Bikol|be Belarusian|bg Bulgarian|bn Bengali
br Breton|bs Bosnian|ca Catalan|crh Crimean Tatar|cs Czech|cy Welsh|da Danish|de German|dz Dzongkha
el Greek|en English|eo Esperanto|es Spanish|et Estonian|eu Basque|ext Extremaduran|fa Persian
fi Finnish|fo Faroese|fr French|fuv Nigerian Fulfulde|fy Western Frisian|ga Irish
gcf Guadeloupean Creole|gcr Guianese Creole|gd Scottish Gaelic|gl Galician|gom Goan Konkani
grc Ancient Greek|gu Gujarati|gug Paraguayan Guarani|guw Gun|ha Hausa|hbo Ancient Hebrew|he Hebrew
hi Hindi|hr Croatian|ht Haitian|hu Hungarian|hy Armenian|id Indonesian|ig Igbo|is Icelandic
it Italian|ja Japanese|jv Javanese|ka Georgian|kab Kabyle|kik Kikuyu|kk Kazakh|km Khmer|kn Kannada
ko Korean|ku Kurdish|ky Kirghiz|la Latin|lb Luxembourgish|lg Ganda|lij Ligurian|ln Lingala|lo Lao
lt Lithuanian|ltg Latgalian|lv Latvian|mg Malagasy|mk Macedonian|ml Malayalam|mn Mongolian
mr Marathi|ms Malay|mt Maltese|my Burmese|ne Nepali|nl Dutch|nn Norwegian Nynorsk|no Norwegian
nso Northern Sotho|oc Occitan|om Oromo|or Oriya|pa Punjabi|pcm Nigerian Pidgin|pl Polish|ps Pashto
pt Portuguese|qu Quechua|ro Romanian|ru Russian|rw Kinyarwanda|sa Sanskrit|sdh Southern Kurdish
se Northern Sami|si Sinhala|sk Slovak|sl Slovenian|sn Shona|so Somali|sq Albanian|sr Serbian
st Southern Sotho|sv Swedish|sw Swahili|ta Tamil|te Telugu|tg Tajik|th Thai|tk Turkmen|tl Tagalog
tr Turkish|tt Tatar|ug Uighur|uk Ukrainian|ur Urdu|uz Uzbek|uzs Southern Uzbek|vec Venetian
vi Vietnamese|vo Volapük|wa Walloon|wuu Wu Chinese|xh Xhosa|yo Yoruba|yue Cantonese|zh Chinese
zu Zulu|zxx no language
"""
NAMES: dict[str, str] = {
    code: name
    for entry in _TABLE.strip().replace("\n", "|").split("|")
    for code, _, name in [entry.partition(" ")]
}
"""ISO 639-1 where a language has such a code, else 639-3."""


def checked(codes: Iterable[str], option: str) -> tuple[str, ...]:
    """Return the codes; raise ValueError for one that isn't known.

    >>> checked(["en", "deu"], "--language")
    Traceback (most recent call last):
    ValueError: --language: got deu, must be codes of languages (en,de); did you mean de (German)?
    """
    codes = tuple(dict.fromkeys(codes))
    for code in codes or ("nothing",):
        if code not in NAMES and codes != (EVERY,):
            start = f"{option}: got {code}, must be codes of languages (en,de)"
            raise ValueError(start + _suggestion(code))
    return codes


def _suggestion(typed: str) -> str:
    low = typed.strip().lower()
    if low == EVERY:
        return f", or {EVERY} alone"
    start = low.replace("_", "-").partition("-")[0]
    start = start if start in NAMES or len(start) != 3 else start[:2]  # deu: de
    if start in NAMES:
        return f"; did you mean {start} ({NAMES[start]})?"
    by_name = {name.lower(): code for code, name in NAMES.items()}
    guess = nearest(low, by_name)
    if guess:
        return f"; did you mean {by_name[guess]} ({NAMES[by_name[guess]]})?"
    code_guess = nearest(low, NAMES)
    return (
        f"; did you mean {code_guess} ({NAMES[code_guess]})?"
        if code_guess
        else f"; there are: {', '.join(NAMES)}"
    )


def _split(value: object) -> object:
    """Split `en,de` from a command line into a list of two."""
    if isinstance(value, str):
        value = tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, list | tuple):
        codes = cast(Any, value)
        return checked(codes, "--language") if all(isinstance(one, str) for one in codes) else codes
    return value


Languages = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""Codes of languages, or `all` alone."""
