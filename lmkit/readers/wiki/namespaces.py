"""The names of a wiki's namespaces, and which links show a picture or nothing.

Choices:
- The names are those in the `<siteinfo>` of the dump, MediaWiki's English names, which work in
  every wiki, and the language's older names (`ALIASES`), which dumps don't list. Case and
  underscores have no effect.
- Without a `<siteinfo>` the names of all languages in `ALIASES` are taken.
- A link whose prefix is unknown but whose target ends like a picture, with parameters, is one.
- A link to the same page in another language shows nothing; other interwiki links do.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape
from urllib.parse import unquote

MEDIA, ARTICLE, FILE, TEMPLATE, CATEGORY = -2, 0, 6, 10, 14
CANONICAL = {
    -2: "media",
    -1: "special",
    1: "talk",
    2: "user",
    3: "user talk",
    4: "project",
    5: "project talk",
    6: "file",
    7: "file talk",
    8: "mediawiki",
    9: "mediawiki talk",
    10: "template",
    11: "template talk",
    12: "help",
    13: "help talk",
    14: "category",
    15: "category talk",
}
"""English names that every wiki knows (https://www.mediawiki.org/wiki/Manual:Namespace)."""
ALIASES: dict[str, tuple[str, str]] = {
    "ar": ("ملف صورة", "تصنيف"),
    "az": ("şəkil fayl", "kateqoriya"),
    "be": ("файл выява", "катэгорыя"),
    "bg": ("файл картинка", "категория"),
    "bn": ("চিত্র", "বিষয়শ্রেণী"),
    "ca": ("fitxer imatge", "categoria"),
    "cs": ("soubor", "kategorie"),
    "da": ("fil billede", "kategori"),
    "de": ("datei bild", "kategorie"),
    "el": ("αρχείο εικόνα", "κατηγορία"),
    "eo": ("dosiero", "kategorio"),
    "es": ("archivo imagen", "categoría"),
    "et": ("pilt fail", "kategooria"),
    "eu": ("fitxategi irudi", "kategoria"),
    "fa": ("پرونده تصویر", "رده"),
    "fi": ("tiedosto kuva", "luokka"),
    "fr": ("fichier image", "catégorie"),
    "gl": ("ficheiro imaxe", "categoría"),
    "he": ("קובץ תמונה", "קטגוריה"),
    "hi": ("चित्र", "श्रेणी"),
    "hr": ("datoteka slika", "kategorija"),
    "hu": ("fájl kép", "kategória"),
    "hy": ("պատկեր", "կատեգորիա"),
    "id": ("berkas gambar", "kategori"),
    "it": ("file immagine", "categoria"),
    "ja": ("ファイル 画像", "カテゴリ"),
    "ka": ("ფაილი სურათი", "კატეგორია"),
    "kk": ("сурет файл", "санат"),
    "ko": ("파일 그림", "분류"),
    "lt": ("vaizdas", "kategorija"),
    "lv": ("attēls", "kategorija"),
    "mk": ("податотека слика", "категорија"),
    "nl": ("bestand afbeelding", "categorie"),
    "no": ("fil bilde", "kategori"),
    "pl": ("plik grafika", "kategoria"),
    "pt": ("ficheiro arquivo imagem", "categoria"),
    "ro": ("fișier fişier imagine", "categorie"),
    "ru": ("файл изображение", "категория"),
    "sk": ("súbor obrázok", "kategória"),
    "sl": ("slika datoteka", "kategorija"),
    "sr": ("датотека слика datoteka slika", "категорија kategorija"),
    "sv": ("fil bild", "kategori"),
    "ta": ("படிமம்", "பகுப்பு"),
    "te": ("దస్త్రం బొమ్మ", "వర్గం"),
    "th": ("ไฟล์ ภาพ", "หมวดหมู่"),
    "tr": ("dosya resim", "kategori"),
    "uk": ("файл зображення", "категорія"),
    "ur": ("ملف تصویر", "زمرہ"),
    "vi": ("tập_tin hình", "thể_loại"),
    "zh": ("文件 档案 檔案 图像 圖像 图片 圖片", "分类 分類"),
}
"""Names of files (today's, then older ones) and of categories, by language."""
CODES = """
aa ab ace ady af ak als alt am ami an ang ann anp ar arc ary arz as ast atj av avk awa ay az azb
ba ban bar bat-smg bbc bcl be be-tarask be-x-old bew bg bh bi bjn blk bm bn bo bpy br bs btm bug
bxr ca cbk-zam cdo ce ceb ch chr chy ckb co cr crh cs csb cu cv cy da dag de dga din diq dsb dtp
dty dv dz ee el eml en eo es et eu ext fa fat ff fi fiu-vro fj fo fon fr frp frr fur fy ga gag gan
gcr gd gl glk gn gom gor got gpe gu guc gur guw gv ha hak haw he hi hif hr hsb ht hu hy hyw ia iba
id ie ig igl ik ilo inh io is it iu ja jam jbo jv ka kaa kab kbd kbp kcg kg kge ki kk kl km kn ko
koi krc ks ksh ku kus kv kw ky la lad lb lbe lez lfn lg li lij lld lmo ln lo lt ltg lv mad mai
map-bms mdf mg mhr mi min mk ml mn mni mnw mos mr mrj ms mt mwl my myv mzn nah nan nap nds nds-nl
ne new nia nl nn no nov nqo nr nrm nso nup nv ny oc olo om or os pa pag pam pap pcd pcm pdc pfl pi
pih pl pms pnb pnt ps pt pwn qu rm rmy rn ro roa-rup roa-tara rsk ru rue rw sa sah sat sc scn sco
sd se sg sh shi shn si simple sk skr sl sm smn sn so sq sr srn ss st stq su sv sw szl szy ta tay
tcy tdd te tet tg th ti tig tk tl tly tn to tpi tr trv ts tt tum tw ty tyv udm ug uk ur uz ve vec
vep vi vls vo wa war wo wuu xal xh xmf yi yo yue za zea zgh zh zh-classical zh-min-nan zh-yue zu
"""
LANGUAGES = frozenset(CODES.split())
"""The languages that have a Wikipedia, by the prefix of links to it."""
PREFIX = re.compile(r"[\s:_]{0,20}([^\[\]|:{}<>\n]{1,80}?)[\s_]{0,20}:")
PICTURE_FILE = re.compile(
    r"\.(?:jpe?g|png|gif|svg|tiff?|webp|xcf|bmp|og[gav]|web[ma]|mp[34g]|mpeg|flac|wav|midi?|djvu"
    r"|pdf|stl)\s*$",
    re.IGNORECASE,
)
NAMESPACE = re.compile(
    r"<namespace\s[^>]{0,300}?key=[\"'](-?\d{1,9})[\"'][^>]{0,300}?(?:/>|>([^<]{0,300})<)"
)


def normalized(name: str) -> str:
    """Return a name as it is compared.

    >>> normalized("File_Talk ")
    'file talk'
    """
    return " ".join(name.replace("_", " ").split()).lower()


@dataclass(frozen=True)
class Site:
    """What the header of a dump tells: language, URL and the names of namespaces."""

    language: str = ""
    url: str = ""
    names: dict[int, str] = field(default_factory=dict[int, str])
    """The name of each namespace; none without a `<siteinfo>`."""

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each namespace by its normalized names."""
        found = {name: number for number, name in CANONICAL.items()}
        found["image"] = FILE
        known = self.language if FILE in self.names and CATEGORY in self.names else None
        for language, names in ALIASES.items():
            if known is None or known.partition("-")[0] == language:
                for number, words in zip((FILE, CATEGORY), names, strict=True):
                    found.update(dict.fromkeys(map(normalized, words.split()), number))
        found.update({normalized(name): number for number, name in self.names.items() if name})
        return found

    def is_hidden(self, target: str, parameters: str | None) -> bool:
        """Return whether a link shows a picture or nothing, instead of a text."""
        prefix = PREFIX.match(target)
        if prefix is None or target.lstrip().startswith(":"):
            return False
        name = normalized(unquote(prefix[1]))
        number = self.numbers.get(name)
        if number in {FILE, CATEGORY}:
            return True
        if number is not None:
            return number == MEDIA and not parameters
        if name in LANGUAGES:  # most labels of such links are slips inside sentences: they stay
            return parameters is None
        # Prefixes of other wikis are ASCII, such as `commons:File:a.jpg`.
        rest = target[prefix.end() :]
        is_picture = parameters is not None and PICTURE_FILE.search(rest) is not None
        return is_picture and PREFIX.match(rest) is None

    def chosen(self, namespaces: tuple[str, ...]) -> tuple[set[int], list[str]]:
        """Return the numbers of namespaces given by number or name, and the unknown ones."""
        numbers: set[int] = set()
        unknown: list[str] = []
        for one in namespaces:
            number = (
                int(one) if re.fullmatch(r"-?[0-9]+", one) else self.numbers.get(normalized(one))
            )
            if number is None and normalized(one) in {"article", "main"}:
                number = ARTICLE
            if number is None:
                unknown.append(one)
            else:
                numbers.add(number)
        return numbers, unknown


def namespace_names(start: str) -> dict[int, str]:
    """Return the names of the namespaces in the `<siteinfo>` of a dump.

    >>> namespace_names('<namespace key="0" /><namespace key="6" case="x">Datei</namespace>')
    {0: '', 6: 'Datei'}
    """
    return {int(found[1]): unescape(found[2] or "").strip() for found in NAMESPACE.finditer(start)}


ANY_SITE = Site()
"""A wiki of which nothing is known."""
