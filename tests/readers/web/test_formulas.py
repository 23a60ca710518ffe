import pytest
from resiliparse.parse.html import HTMLTree

from lmkit.readers.html_main_content import main_content
from lmkit.readers.web.fast_content import fast_content
from lmkit.readers.web.formulas import replace_formulas
from lmkit.readers.web.visible_text import all_content

FRAME = (
    "<p>The lighthouse on the cape was built from granite that was cut on the island itself.</p>"
)
MROW = "<mrow><mi>h</mi><mo>+</mo><mn>3</mn><mi>n</mi></mrow>"
ANNOTATED = (
    f"<math><semantics>{MROW}<annotation encoding='application/x-tex'>%s</annotation>"
    "<annotation-xml><x>no</x></annotation-xml></semantics></math>"
)
WIKIPEDIA = (
    "<span class=mwe-math-element><span class=mwe-math-mathml-inline style='display: none;'>"
    + ANNOTATED % r"{\displaystyle h+3n}"
    + r"</span><img src=x.svg class=mwe-math-fallback-image-inline alt='{\displaystyle h+3n}'>"
    + "</span>"
)
KATEX = (
    f"<span class=katex><span class=katex-mathml>{ANNOTATED % 'h+3n'}</span>"
    "<span class=katex-html aria-hidden=true><b>h</b><b>+</b><b>3n</b></span></span>"
)
MATHJAX2 = (
    "<span class=MathJax_Preview>h+3n</span><span class=MathJax><nobr>h+3n</nobr></span>"
    "<script type='math/tex; mode=display'>h+3n</script>"
)
MATHJAX3 = (
    "<mjx-container><mjx-math aria-hidden=true><mjx-mi>h</mjx-mi></mjx-math>"
    f"<mjx-assistive-mml><math>{MROW}</math></mjx-assistive-mml></mjx-container>"
)
PICTURE = "<img class=tex alt='h+3n' src=x.png>"
PLAIN = f"<math xmlns='http://www.w3.org/1998/Math/MathML'>{MROW}</math>"
ALT = f"<math alttext='{{\\displaystyle h+3n}}'>{MROW}</math>"
WRITTEN = [WIKIPEDIA, KATEX, MATHJAX2, MATHJAX3, PICTURE, PLAIN, ALT, ANNOTATED % " h+3n\n"]
WAYS = [main_content, fast_content, all_content]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("formula", WRITTEN)
def test_a_formula_is_its_source_once(way: object, formula: str) -> None:
    page = f"<article>{FRAME}<p>高さは {formula}、where h is a number.</p>{FRAME}</article>"
    assert "高さは h+3n、where h is a number." in way(page)[0]  # type: ignore[operator]
    assert "高さは 、where h is a number." in way(page, "drop")[0]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("mathml", "text"),
    [
        ("<msup><mi>x</mi><mn>2</mn></msup>", "x^2"),
        ("<msub><mi>a</mi><mrow><mi>i</mi><mo>+</mo><mn>1</mn></mrow></msub>", "a_(i+1)"),
        ("<mfrac><mn>1</mn><mrow><mi>p</mi><mo>-</mo><mi>q</mi></mrow></mfrac>", "1/(p-q)"),
        ("<msqrt><mi>x</mi><mo>+</mo><mi>y</mi></msqrt>", "√(x+y)"),
        ("<msubsup><mo>∑</mo><mi>i</mi><mi>n</mi></msubsup><mi>i</mi>", "∑_i^ni"),
    ],
)
def test_mathml_without_source_is_one_line(mathml: str, text: str) -> None:
    assert f"so {text} is" in all_content(f"<p>so <math>{mathml}</math> is")[0]


def test_a_formula_of_its_own_stands_between_its_paragraphs() -> None:
    formula = ANNOTATED.replace("<math>", "<math display=block>") % "e^{i\\pi}=-1"
    text = main_content(f"<article>{FRAME * 2}{formula}{FRAME * 2}</article>")[0]
    assert "\n\ne^{i\\pi}=-1\n\n" in text


def test_formulas_inside_formulas_leave_the_page_with_the_outer_one() -> None:
    page = "<p>a <math><mi>x</mi><math><mi>y</mi></math></math> b <math><mi>z</mi></math> c"
    for formulas, text in (("tex", "a xy b z c"), ("drop", "a b c")):
        tree = HTMLTree.parse(page)
        replace_formulas(tree, formulas)
        assert " ".join(tree.body.text.split()) == text
