# ruff: noqa: RUF001, E501 (texts of many scripts)
"""Measures sentence splitting: F1 of the ends of sentences, by language, on marked text.

    python tests/benchmarks/sentence_f1.py

`|` marks the end of a sentence in the texts below, which were written for this purpose, with what misleads
a splitter: abbreviations, decimals, initials, quotations, dates, brackets, ellipses.
"""

from lmkit.text.sentences import sentences

TEXTS = {
    "zh": "灯塔建于1873年。|它高32.5米，用花岗岩建成。|“你看见船了吗？”守塔人问。|“看见了！”孩子回答。|谁也没有说话……|风很大！|他们（一共三人）住在岛上。|王先生说：“明天再来吧。”|船长问：“为什么？”|没有人知道。|价格是3.14元。|第二天，雨停了；他们去了港口。|",
    "ja": "灯台は1873年に建てられた。|高さは32.5メートルである。|「船が見えますか？」と彼は聞いた。|「はい、見えます！」|風が強い！|彼ら（三人）は島に住んでいる。|田中さんは「明日また来る。」と言った。|なぜだろう？|誰も知らない。|値段は3.5ドルだった。|雨がやんだ。|彼らは港へ行った。|",
    "th": "ประภาคารสร้างในปี 1873|มันสูง 32.5 เมตร|ครอบครัวของผู้ดูแลอาศัยอยู่บนเกาะ|ลมแรงมาก|ไม่มีใครพูดอะไร|วันรุ่งขึ้นฝนหยุดตก|พวกเขาไปที่ท่าเรือ|",
    "hi": 'दीपस्तंभ 1873 में बना था। |इसकी ऊँचाई 32.5 मीटर है। |डॉ. शर्मा ने पूछा, "क्या जहाज़ दिखा?" |"हाँ, दिखा!" बच्चे ने कहा। |हवा तेज़ थी! |वे (तीन लोग) द्वीप पर रहते हैं। |प्रो. वर्मा कल आएँगे। |क्यों? |किसी को नहीं पता। |कीमत 3.5 रु. थी और वह कम नहीं हुई। |अगले दिन बारिश रुक गई। |वे बंदरगाह गए। |',
    "ar": "بُنيت المنارة عام 1873. |ارتفاعها 32.5 مترًا. |سأل د. أحمد: «هل ترى السفينة؟» |«نعم، أراها!» قال الطفل. |الريح قوية! |هم (ثلاثة) يسكنون الجزيرة. |لماذا؟ |لا أحد يعرف. |السعر 3.5 دولار. |في اليوم التالي توقف المطر. |ذهبوا إلى الميناء. |",
    "ru": "Маяк построили в 1873 г. из гранита. |Его высота 32,5 м, т. е. около ста футов. |«Видишь корабль?» — спросил смотритель. |«Вижу!» — ответил ребёнок. |Ветер был сильный! |Они (трое) жили на о. Северный. |А. С. Петров приехал в 9 ч. утра. |Почему? |Никто не знает. |Цена — 3,5 руб. за штуку. |На следующий день дождь прекратился... |Они пошли в порт и т. д. |",
    "de": "Der Turm wurde am 3. Mai 1873 gebaut. |Er ist ca. 32,5 m hoch, d. h. rund hundert Fuß. |„Siehst du das Schiff?“, fragte der Wärter. |„Ja!“, rief das Kind. |Der Wind war stark! |Sie (zu dritt) wohnten auf der Insel, z. B. im Winter. |Dr. K. Meier kam um 9 Uhr. |Warum? |Niemand weiß es. |Der Preis betrug 3.500 Euro. |Am 2. Tag hörte der Regen auf ... |Sie gingen usw. zum Hafen. |",
    "en": 'The tower was built in 1873 by J. R. Smith. |It is 32.5 m high, i.e. about a hundred feet. |"Do you see the ship?" asked the keeper. |"Yes!" cried the child. |The wind was strong! |They (three of them) lived on the island, e.g. in winter. |Dr. Brown came at 9 a.m. on Monday. |Why? |Nobody knows. |The price was $3.50 vs. $4 before. |On the next day the rain stopped ... |They went to the harbour. |',
}


def ends_of(marked: str) -> tuple[str, set[int]]:
    """Return a text without marks, and where its sentences end, white space left out."""
    parts = [part for part in marked.split("|") if part]
    text, ends = "", set[int]()
    for part in parts:
        text += part + (" " if not part.endswith(" ") and part[-1].isalnum() else "")
        ends.add(len("".join(text.split())))
    return text.rstrip(), ends


def main() -> None:
    """Print precision, recall and F1 by language; the end of a text doesn't count."""
    for language, marked in TEXTS.items():
        text, expected = ends_of(marked)
        found = {len("".join(text[:stop].split())) for _, stop in sentences(text, language)}
        last = len("".join(text.split()))
        found, expected = found - {last}, expected - {last}
        right = len(found & expected)
        precision, recall = right / max(1, len(found)), right / len(expected)
        f1 = 2 * right / max(1, len(found) + len(expected))
        print(f"{language}: precision {precision:.2f}, recall {recall:.2f}, F1 {f1:.2f}")


if __name__ == "__main__":
    main()
