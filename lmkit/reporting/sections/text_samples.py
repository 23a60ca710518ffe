"""Texts that the runs generated while they were trained, next to each other."""

from collections.abc import Sequence
from pathlib import Path

from lmkit.reporting.escaped_html import Html, element, folded, joined, paragraph, preformatted
from lmkit.reporting.report_data import ReportData, Run
from lmkit.reporting.section import Section
from lmkit.training.evaluations.samples_file import SAMPLES, Sample, read_samples

MAX_PROMPTS = 8
MAX_CHARACTERS = 1_200


def text_samples(data: ReportData) -> Section | None:
    """Return the last texts of each run by prompt; the earlier ones are folded away."""
    found = [(run, samples) for run in data.runs if (samples := _samples(run.opened.path))]
    if not found:
        return None
    prompts = list(dict.fromkeys(each.prompt for _, samples in found for each in samples))
    content = [paragraph("What each run wrote after the same beginnings, at its last sampling.")]
    for prompt in prompts[:MAX_PROMPTS]:
        content += [element("h3", f"“{_short(prompt, 80)}”"), _row(found, prompt)]
    return Section("Samples", "samples", joined(content))


def _samples(run: Path) -> list[Sample]:
    return list(read_samples(run / SAMPLES))


def _row(found: Sequence[tuple[Run, Sequence[Sample]]], prompt: str) -> Html:
    cells: list[Html] = []
    for run, samples in found:
        texts = [each for each in samples if each.prompt == prompt]
        if not texts:
            continue
        last = texts[-1]
        head = element("p", element("b", run.name), f", step {last.step:,}")
        earlier = [
            joined([element("p", f"step {each.step:,}"), preformatted(_short(each.text))])
            for each in _spread(texts[:-1])
        ]
        more = [folded("earlier", *earlier)] if earlier else []
        cells.append(element("div", head, preformatted(_short(last.text)), *more))
    return element("div", *cells, class_="grid2")


def _spread(samples: Sequence[Sample], most: int = 4) -> list[Sample]:
    """Return some of the samples, evenly spread."""
    every = max(1, -(-len(samples) // most))
    return list(samples[::every])


def _short(text: str, most: int = MAX_CHARACTERS) -> str:
    return text if len(text) <= most else text[:most] + " …"
