"""The registry of sections, in the order of the page."""

from lmkit.reporting.section import MakeSection
from lmkit.reporting.sections.data_flow import data_flow
from lmkit.reporting.sections.duplicate_clusters import duplicate_clusters
from lmkit.reporting.sections.found_problems import found_problems
from lmkit.reporting.sections.how_made import how_made
from lmkit.reporting.sections.option_differences import option_differences
from lmkit.reporting.sections.packed_sequences import packed_sequences
from lmkit.reporting.sections.score_plots import score_plots
from lmkit.reporting.sections.signal_histograms import signal_histograms
from lmkit.reporting.sections.text_samples import text_samples
from lmkit.reporting.sections.tokenizer_compression import tokenizer_compression
from lmkit.reporting.sections.training_curves import training_curves

SECTIONS: tuple[MakeSection, ...] = (
    how_made,
    data_flow,
    signal_histograms,
    duplicate_clusters,
    tokenizer_compression,
    packed_sequences,
    training_curves,
    score_plots,
    text_samples,
    option_differences,
    found_problems,
)
