# ruff: noqa: RUF001, E501 (these characters are intended)
import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmkit.commands.dedup.options import DedupConfig
from lmkit.commands.dedup.run import dedup
from lmkit.text.digests import normal_form
from tests.conftest import Lmkit, contents, manifest, records, texts

LONG = "text {} that has some words in it, number {}"


def write(path: str, *documents: tuple[str, str, str]) -> Path:
    names = ("source", "id", "text")
    lines = (json.dumps(dict(zip(names, values, strict=True))) for values in documents)
    Path(path).write_text("\n".join(lines))
    return Path(path)


def test_the_smallest_source_and_id_is_kept_across_all_inputs(here: Path) -> None:
    write("b.jsonl", ("web", "1", "The Cat"), ("web", "2", "a dog"))
    write("a.jsonl", ("books", "9", "the  cat"), ("web", "0", "A  DOG"))
    done = dedup(DedupConfig(inputs=(Path("b.jsonl"), Path("a.jsonl")), output=Path("out")))
    assert sorted(texts(Path("out"))) == ["A  DOG", "the  cat"]
    assert done.counts.dropped == {"exact_duplicate": 2}
    kept = {r["id"]: r["kept"] for r in records(Path("out"), "duplicates")}
    offset = Path("a.jsonl").read_bytes().index(b"\n") + 1
    assert kept == {
        "1": {"source": "books", "id": "9", "origin": "a.jsonl", "offset": 0},
        "2": {"source": "web", "id": "0", "origin": "a.jsonl", "offset": offset},
    }


def test_documents_with_one_id_are_told_apart_by_where_they_were_read(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("a.jsonl", ("web", "1", "the cat"), ("web", "1", "a dog"), ("web", "1", "The cat"))
    done = dedup(DedupConfig(inputs=(Path("a.jsonl"),), output=Path("out")))
    assert done.counts.dropped == {"exact_duplicate": 1}
    (row,) = records(Path("out"), "duplicates")
    lines = Path("a.jsonl").read_bytes().splitlines(keepends=True)
    places = {(row["origin"], row["offset"]), (row["kept"]["origin"], row["kept"]["offset"])}
    assert places == {("a.jsonl", 0), ("a.jsonl", len(lines[0] + lines[1]))}
    assert capsys.readouterr().err.count("ids repeat") == 1


def test_ties_in_source_and_id_are_broken_by_text_and_then_by_path(here: Path) -> None:
    write("b.jsonl", ("web", "1", "the cat"))
    write("a.jsonl", ("web", "1", "the cat"), ("web", "1", "The cat"))
    for inputs in (("a.jsonl", "b.jsonl"), ("b.jsonl", "a.jsonl")):
        dedup(DedupConfig(inputs=tuple(map(Path, inputs)), output=Path("-".join(inputs))))
    one, other = (contents(Path(name)) for name in ("a.jsonl-b.jsonl", "b.jsonl-a.jsonl"))
    assert one == other
    assert len(texts(Path("a.jsonl-b.jsonl"))) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(numbers=st.lists(st.integers(0, 4), min_size=1, max_size=12), cut=st.integers(1, 300))
def test_kept_documents_are_those_of_a_literal_search(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("x")
    documents = [("s", str(index), f"{n}" * 9) for index, n in enumerate(numbers)]
    random.Random(len(numbers)).shuffle(documents)
    files = [write(str(folder / f"{i}.jsonl"), document) for i, document in enumerate(documents)]
    dedup(DedupConfig(inputs=tuple(files), output=folder / "out", shard_bytes=cut, workers=1))
    best: dict[str, str] = {}
    for _, key, text in sorted(documents):
        best.setdefault(normal_form(text), key)
    assert sorted(r["id"] for r in records(folder / "out")) == sorted(best.values())


def test_tasks_and_workers_change_nothing(raw: Path) -> None:
    lines = [("s", str(n), LONG.format(n % 7, n % 7)) for n in range(50)]
    for number in range(5):
        write(f"{number}.jsonl", *lines[number::5])
    inputs = tuple(Path(f"{number}.jsonl") for number in range(5))
    dedup(DedupConfig(inputs=inputs, output=Path("one"), workers=1))
    dedup(DedupConfig(inputs=inputs, output=Path("many"), shard_bytes=1, workers=2))
    assert texts(Path("one")) == texts(Path("many"))
    assert len(texts(Path("one"))) == 7


def test_raw_text_must_be_cleaned_first(raw: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit("dedup", raw / "cat.txt", "--output", "out")
    assert exit_code == 2 and "lmkit clean first" in err


def test_stages_are_connected_by_folders(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "work/clean")
    _, out, _ = lmkit("dedup", "work/clean", "--output", "work/dedup")
    assert out == "work/dedup: kept 2 of 3 documents (dropped 1 exact_duplicate)\n"
    again = lmkit("clean", raw, "--output", "work/clean", "--overwrite")
    assert again[0] == 0
    assert "up to date" in lmkit("dedup", "work/clean", "--output", "work/dedup")[2]
    assert manifest(Path("work/dedup"))["inputs"][0]["path"] == "work/clean"


PAIRS = {
    "zh": (
        "灯塔的管理员每天晚上爬上两百级台阶点亮那盏大灯，直到它终于改用电力，他才下山回到村里。",
        "大灯",
        "油灯",
    ),
    "ja": (
        "灯台守は毎晩二百段の階段を上って大きな灯りをともし、朝になると村へ下りて魚を買っていた。",
        "大きな",
        "小さな",
    ),
    "th": (
        "คนเฝ้าประภาคารเดินขึ้นบันไดสองร้อยขั้นทุกคืนเพื่อจุดตะเกียงดวงใหญ่ แล้วลงมาซื้อปลาที่หมู่บ้านตอนเช้า",
        "ใหญ่",
        "เล็ก",
    ),
    "lo": ("ຄົນເຝົ້າປະພາຄານຂຶ້ນຂັ້ນໄດທຸກຄືນເພື່ອຈູດໂຄມໄຟດວງໃຫຍ່ ແລ້ວລົງມາຊື້ປາຢູ່ບ້ານໃນຕອນເຊົ້າ", "ໃຫຍ່", "ນ້ອຍ"),
    "km": ("អ្នកថែទាំប៉មភ្លើងហ្វារឡើងជណ្តើរពីររយកាំរៀងរាល់យប់ដើម្បីអុជចង្កៀងធំ ហើយចុះមកទិញត្រីនៅភូមិពេលព្រឹក", "ធំ", "តូច"),
    "my": ("မီးပြတိုက်စောင့်သည်ညတိုင်းလှေကားထစ်နှစ်ရာကိုတက်ပြီးမီးအိမ်ကြီးကိုထွန်းကာမနက်တွင်ရွာသို့ဆင်း၍ငါးဝယ်သည်။", "ကြီး", "ငယ်"),
    "hi": (
        "प्रकाशस्तंभ का रखवाला हर शाम दो सौ सीढ़ियाँ चढ़कर बड़ा दीपक जलाता था और सुबह गाँव जाकर मछली खरीदता था, "
        "फिर दोपहर तक सोता था और शाम को समुद्र के किनारे टहलते हुए जहाज़ों की राह देखता था, जब तक अँधेरा न हो जाए।",
        "बड़ा",
        "छोटा",
    ),
    "ar": (
        "كان حارس المنارة يصعد كل مساء مئتي درجة ليشعل المصباح الكبير ثم ينزل في الصباح إلى القرية ليشتري السمك "
        "وينام حتى الظهر ويمشي بعد ذلك على الشاطئ وينتظر السفن القادمة من بعيد حتى يحل الظلام على البحر.",
        "الكبير",
        "الصغير",
    ),
}


def test_near_duplicates_are_found_in_every_script(here: Path) -> None:
    documents: list[tuple[str, str, str]] = []
    for language, (text, old, new) in PAIRS.items():
        documents.append(("web", f"{language}-1", text))
        documents.append(("web", f"{language}-2", text.replace(old, new)))
        assert text.replace(old, new) != text
    threshold = {"threshold": 0.7}  # the texts are short: a word changes a sixth of the shingles
    path = write("in.jsonl", *documents)
    config = {"inputs": (path,), "output": Path("out"), "minhash": threshold}
    done = dedup(DedupConfig.model_validate(config))
    assert sorted(r["id"] for r in records(Path("out"))) == sorted(f"{one}-1" for one in PAIRS)
    assert done.counts.dropped == {"near_duplicate": len(PAIRS)}


@pytest.mark.parametrize("invisible", ["\u00ad", "\u200b", "\u2060", "\ufeff", "\u200d", "\u200e"])
def test_texts_that_differ_in_invisible_characters_are_copies(here: Path, invisible: str) -> None:
    plain = "The keepers of the lighthouse climbed its two hundred steps every evening of the year."
    exact = plain.replace("house", f"{invisible}house").replace("even", f"even{invisible}")
    path = write("in.jsonl", ("web", "1", plain), ("web", "2", exact), ("web", "3", exact + " So"))
    done = dedup(DedupConfig(inputs=(path,), output=Path("out")))
    assert done.counts.dropped == {"exact_duplicate": 1, "near_duplicate": 1}
    assert texts(Path("out")) == [plain]


def test_emoji_that_look_different_are_different(here: Path) -> None:
    flags = [
        "\U0001f1e9\U0001f1ea",
        "\U0001f1eb\U0001f1f7",
        "\U0001f44d\U0001f3fb",
        "\U0001f44d\U0001f3ff",
    ]
    path = write("in.jsonl", *[("web", flag, f"So {flag}") for flag in flags])
    minhash = {"action": None}
    config = {"inputs": (path,), "output": Path("out"), "minhash": minhash}
    assert dedup(DedupConfig.model_validate(config)).counts.documents_out == len(flags)
