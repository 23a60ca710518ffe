from lmkit.plugins import Document, Plugin, Record, RuleSet


def test_what_is_registered_can_still_be_called() -> None:
    plugin = Plugin()

    @plugin.transform("upper")
    def upper(document: Document) -> Document:
        return document.with_text(document.text.upper())

    @plugin.reader("lines", endings=(".lines",))
    def lines(file: list[bytes]) -> list[Record]:
        return [Record(line.decode()) for line in file]

    @plugin.rule_set
    class Rules(RuleSet):
        names = ("rules",)

    assert upper(Document("a", "x", "s")).text == "X"
    assert lines([b"a"]) == [Record("a", {}, None)]
    assert [each.name for each in (*plugin.transforms, *plugin.readers)] == ["upper", "lines"]
    assert plugin.rule_sets == [Rules]
