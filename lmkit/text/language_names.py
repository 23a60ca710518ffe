"""One code for a language, however it is written: `English`, `en-US`, `eng`, `en_gb` are `en`.

Choices:
- The code is that of `--language`: ISO 639-1 where a language has one, else 639-3. Region and
  script are left out: they are other spellings, not other languages. Bokmål and Nynorsk stay apart,
  and so do the Arabic and Chinese languages that have codes of their own; a code for the standard
  variety (arb, cmn, npi, swh) is that of the language.
- Of a list, as in the header of a WET record, the first language counts: the list is in the order
  of how much text there is.
- What isn't a language known here is left as it was stated. Other codes of three letters are codes
  already.
- Source of the table: the aliases and English names of Unicode's CLDR, as in Babel 2.19. It has
  the codes of ISO 639-1, 639-2 (both forms) and 639-3. Where the Library of Congress's list of ISO
  639-2 has another name, that is here too.
"""

import re
from collections.abc import Mapping
from typing import Any

from lmkit.text.language_codes import UNKNOWN

_TABLE = """
aa aar Afar|ab abk Abkhazian|ace Acehnese|ae ave Avestan|af afr Afrikaans|ak aka twi Akan
am amh Amharic|an arg Aragonese|ar ara arb Arabic|ary Moroccan Arabic|arz Egyptian Arabic
as asm Assamese|av ava Avaric|ay aym ayr Aymara|az aze azj Azerbaijani|ba bak Bashkir
bcl Central Bikol|be bel Belarusian|bg bul Bulgarian|bi bis Bislama|bm bam Bambara
bn ben Bengali/Bangla|bo bod tib Tibetan|br bre Breton|bs bos Bosnian|ca cat Catalan/Valencian
ce che Chechen|ch cha Chamorro|co cos Corsican|cr cre cwd Cree|crh Crimean Tatar|cs ces cze Czech
cu chu Church Slavic/Old Church Slavonic|cv chv Chuvash|cy cym wel Welsh|da dan Danish
de deu ger German|dv div Dhivehi/Divehi/Maldivian|dz adp dzo Dzongkha|ee ewe Ewe
el ell gre Greek/Modern Greek|en eng English|eo epo Esperanto|es spa Spanish/Castilian
et ekk est Estonian|eu baq eus Basque|ext Extremaduran|fa fas per pes Persian/Farsi|ff fuc ful Fula
fi fin Finnish|fj fij Fijian|fo fao Faroese|fr fra fre French|fuv Nigerian Fulfulde
fy fry Western Frisian|ga gle Irish|gcf Guadeloupean Creole|gcr Guianese Creole
gd gla Scottish Gaelic/Gaelic|gl glg Galician|gn grn Guarani|gom Goan Konkani|grc Ancient Greek
gu guj prp Gujarati|gug Paraguayan Guarani|guw Gun|gv glv Manx|ha hau Hausa|hbo Ancient Hebrew
he heb iw Hebrew|hi hin Hindi|ho hmo Hiri Motu|hr hrv scr Croatian|ht hat Haitian Creole/Haitian
hu hun Hungarian|hy arm hye Armenian|hz her Herero|ia ina Interlingua|id ind in Indonesian
ie ile Interlingue|ig ibo Igbo|ii iii Sichuan Yi|ik esk ipk Inupiaq|io ido Ido|is ice isl Icelandic
it ita Italian|iu ike iku Inuktitut|ja jpn Japanese|jv jav jw Javanese|ka geo kat Georgian
kab Kabyle|kg kng kon Kongo|kik ki Kikuyu|kj kua Kuanyama|kk kaz Kazakh
kl kal Kalaallisut/Greenlandic|km khm Khmer/Central Khmer|kn kan Kannada|ko kor Korean
kr kau knc Kanuri|ks kas Kashmiri|ku kmr kur Kurdish|kv kom kpv Komi|kw cor Cornish
ky kir Kyrgyz/Kirghiz|la lat Latin|lb ltz Luxembourgish/Letzeburgesch|lg lug Ganda
li lim Limburgish|lij Ligurian|ln lin Lingala|lo lao Lao|lt lit Lithuanian|ltg Latgalian
lu lub Luba-Katanga|lv lav lvs Latvian|mg mlg plt Malagasy|mh mah Marshallese|mi mao mri Māori
mk mac mkd Macedonian|ml mal Malayalam|mn drh khk mon Mongolian|mr mar Marathi|ms may msa zsm Malay
mt mlt Maltese|my bur mya Burmese/Myanmar|na nau Nauru|nb nob Norwegian Bokmål/Bokmål
nd nde North Ndebele|ne nep npi Nepali|ng ndo Ndonga|nl dut nld Dutch/Flemish
nn nno Norwegian Nynorsk/Nynorsk|no nor Norwegian|nr nbl South Ndebele|nso Northern Sotho
nv nav Navajo|ny nya Nyanja/Chichewa|oc oci Occitan|oj ojg oji Ojibwa|om gaz orm Oromo
or ori ory Odia/Oriya|os oss Ossetian/Ossetic|pa pan Punjabi/Panjabi|pcm Nigerian Pidgin
pi pli Pali|pl pol Polish|ps pbu pus Pashto/Pushto|pt por Portuguese|qu que quz Quechua
rm roh Romansh|rn run Rundi|ro mol ron rum mo Romanian/Moldavian|ru rus Russian|rw kin Kinyarwanda
sa cls san Sanskrit|sc src srd Sardinian|sd snd Sindhi|sdh Southern Kurdish|se sme Northern Sami
sg sag Sango|si sin Sinhala/Sinhalese|sk slk slo Slovak|sl slv Slovenian|sm smo Samoan|sn sna Shona
so som Somali|sq alb als sqi Albanian|sr scc srp Serbian|ss ssw Swati|st sot Southern Sotho
su sun Sundanese|sv swe Swedish|sw swa swh Swahili|ta tam Tamil|te tel Telugu|tg tgk Tajik
th tha Thai|ti tir Tigrinya|tk tuk Turkmen|tl tgl fil Tagalog/Filipino|tn tsn Tswana|to ton Tongan
tr tur Turkish|ts tso Tsonga|tt tat Tatar|ty tah Tahitian|ug uig Uyghur/Uighur|uk ukr Ukrainian
ur urd Urdu|uz uzb uzn Uzbek|uzs Southern Uzbek|ve ven Venda|vec Venetian|vi vie Vietnamese
vo vol Volapük|wa wln Walloon|wo wol Wolof|wuu Wu Chinese|xh xho Xhosa|yi yid ydd ji Yiddish
yo yor Yoruba|yue Cantonese|za zha zyb Zhuang|zh chi cmn zho Chinese/Mandarin/Mandarin Chinese
zu zul Zulu
"""
LIST = re.compile(r"[,;]")
SUBTAGS = re.compile(r"[-_. (]")
EXTENDED = frozenset({"zh", "ar"})
"""Languages before the code of one of theirs, as in zh-yue (BCP 47, section 2.2.2)."""


def _spellings(entry: str) -> list[str]:
    """Return the codes and the lowercase names of an entry of the table, its own code first."""
    words = entry.split()
    codes = [word for word in words if word.islower()]
    return [*codes, *" ".join(words[len(codes) :]).lower().split("/")]


_ENTRIES = [_spellings(entry) for entry in _TABLE.strip().replace("\n", "|").split("|")]
_CODES = {spelling: entry[0] for entry in _ENTRIES for spelling in entry}
"""Code by code and by lowercase name."""


def one_code(stated: str) -> str | None:
    """Return the code of a language; None where it isn't known.

    >>> [one_code(text) for text in ("English", "en-US", "eng", "en_gb.UTF-8", "fra,eng", "Farsi")]
    ['en', 'en', 'en', 'en', 'fr', 'fa']
    >>> one_code("python"), one_code("und"), one_code("")
    (None, None, None)
    """
    first = LIST.split(stated.strip().lower(), maxsplit=1)[0].strip()
    base, *rest = SUBTAGS.split(first)
    if base in EXTENDED and rest and len(rest[0]) == 3 and rest[0] in _CODES:
        base = rest[0]
    return _CODES.get(first) or _CODES.get(base)


def base_language(metadata: Mapping[str, Any]) -> str | None:
    """Return the language in the metadata, as one code, without its region.

    >>> base_language({"language": "en_US"}), base_language({"language": "tlh"})
    ('en', 'tlh')
    """
    stated = metadata.get("language")
    if not isinstance(stated, str) or stated == UNKNOWN:
        return None
    return one_code(stated) or stated.lower().replace("_", "-").partition("-")[0] or None


def with_one_code(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return metadata with one code for the language; as stated it is in `stated_language`.

    >>> with_one_code({"language": "English"})
    {'language': 'en', 'stated_language': 'English'}
    """
    stated = metadata.get("language")
    code = one_code(stated) if isinstance(stated, str) else None
    if code is None or code == stated:
        return metadata
    kept = metadata.get("stated_language", stated)
    return {**metadata, "language": code, "stated_language": kept}
