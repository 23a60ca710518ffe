import re
from base64 import b64encode
from hashlib import sha256

from lmkit.reporting.escaped_html import Html, element
from lmkit.reporting.page import page
from lmkit.reporting.section import Section

FOUND = page("A <title>", [element("p", "head")], [Section("One", "one", Html("text"))], "foot")


def test_the_policy_allows_this_script_and_this_style_and_nothing_else() -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', FOUND)
    rules = dict(rule.split(" ", 1) for rule in policy.replace("&#x27;", "'").split("; "))
    for name, rule in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(rf"<{name}>(.*?)</{name}>", FOUND, re.DOTALL)
        assert rules[rule] == f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
    assert rules["default-src"] == "'none'" and "unsafe" not in policy


def test_the_page_asks_for_nothing() -> None:
    assert "http://" not in FOUND and "https://" not in FOUND and " src=" not in FOUND
    assert re.findall(r'href="(?!#)([^"]{5})', FOUND) == ["data:"]


def test_the_script_makes_no_markup_of_text_and_evaluates_nothing() -> None:
    for danger in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert danger not in FOUND
    assert "new Function" not in FOUND and "fetch(" not in FOUND and "XMLHttp" not in FOUND


def test_each_section_is_linked_at_the_top() -> None:
    assert '<a href="#one">One</a>' in FOUND and '<section id="one"' in FOUND
    assert "<title>A &lt;title&gt;</title>" in FOUND and FOUND.count("<h1>") == 1
