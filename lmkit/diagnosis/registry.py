"""The parts of the diagnosis, in the order in which they are shown.

A new part is a file with a function that returns a `Finding`, and a line here.
"""

from collections.abc import Callable

from lmkit.diagnosis.compiler import find_compiler
from lmkit.diagnosis.disk_speed import measure_disk
from lmkit.diagnosis.finding import Asked, Finding
from lmkit.diagnosis.gpus import find_gpus
from lmkit.diagnosis.memory import find_memory
from lmkit.diagnosis.processor import find_processor
from lmkit.diagnosis.rank_bandwidth import measure_bandwidth
from lmkit.diagnosis.software import find_extras, find_versions

PARTS: dict[str, Callable[[Asked], Finding]] = {
    "versions": find_versions,
    "extras": find_extras,
    "processor": find_processor,
    "memory": find_memory,
    "gpus": find_gpus,
    "compiler": find_compiler,
    "processes": measure_bandwidth,
    "disk": measure_disk,
}
