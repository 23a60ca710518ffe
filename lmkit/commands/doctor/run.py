"""Doctor: show what there is on one page, and say what would make it faster."""

from typing import Any

from lmkit.commands.doctor.options import DoctorConfig
from lmkit.diagnosis.finding import Asked
from lmkit.diagnosis.registry import PARTS
from lmkit.errors import ConfigError
from lmkit.execution.progress import log_message
from lmkit.execution.tables import shown

ADVICE = "advice"


def diagnose(config: DoctorConfig) -> dict[str, Any]:
    """Return the facts by part, and the advice."""
    if not config.folder.is_dir():
        raise ConfigError(f"--folder: {config.folder} is no folder", "name one that exists")
    asked = Asked(config.folder, config.measure)
    if config.measure:
        log_message("measuring matrix products, processes and the disk")
    sections: dict[str, Any] = {}
    advice: list[str] = []
    for name, find in PARTS.items():
        found = find(asked)
        sections[name] = found.facts
        advice += found.advice
    return sections | {ADVICE: advice}


def result_text(config: DoctorConfig, sections: dict[str, Any]) -> str:
    """Return the page."""
    del config
    tables = {name: facts for name, facts in sections.items() if name != ADVICE}
    advice: list[str] = sections[ADVICE]
    lines = ["What would make it faster:", *(f"- {each}" for each in advice)]
    return "\n".join([shown(tables), "", *(lines if advice else ["Nothing to improve was found."])])
