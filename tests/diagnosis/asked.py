from pathlib import Path

from lmkit.diagnosis.finding import Asked

NOTHING_MEASURED = Asked(Path(), measures=False)
