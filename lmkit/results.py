"""What each command says of its result, in a few lines on standard output."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lmkit.artifacts.manifest import Manifest
from lmkit.execution.sections import Section, shown

if TYPE_CHECKING:
    from lmkit.stages.clean import CleanConfig
    from lmkit.stages.dedup import DedupConfig
    from lmkit.stages.evaluate import EvalConfig, Scores
    from lmkit.stages.export import ExportConfig
    from lmkit.stages.generate import GenerateConfig, Sample
    from lmkit.stages.inspect import InspectConfig
    from lmkit.stages.pack import PackConfig
    from lmkit.stages.pretrain import PretrainConfig
    from lmkit.stages.train_tokenizer import TrainTokenizerConfig
    from lmkit.training.forecast import Forecast

SHOWN_SOURCES = 10
CUTS = ("line", "paragraph", "passage", "item")


def _made(config: Any, manifest: Manifest) -> str:
    """Say in one line what a folder of documents holds."""
    counts = manifest.counts
    kept = f"{config.output}: kept {counts.documents_out:,} of {counts.documents_in:,} documents"
    gone = [f"{count:,} {reason}" for reason, count in counts.dropped.items()]
    if counts.quarantined:
        gone.append(f"{counts.quarantined:,} quarantined")
    return kept + (f" (dropped {', '.join(gone)})" if gone else "")


def cleaned(config: "CleanConfig", manifest: Manifest) -> str:
    """Say what was kept, or of a sample, what would be."""
    if not config.sample:
        return _made(config, manifest)
    counts = manifest.counts
    dropped = {name: count for name, count in counts.dropped.items() if name != "not_in_sample"}
    judged = counts.documents_out + sum(dropped.values())
    gone = ", ".join(f"{count:,} {reason}" for reason, count in dropped.items())
    return (
        f"{config.output}: would keep {counts.documents_out:,} of {judged:,} documents, a sample "
        f"of {counts.documents_in:,}{f' (drop {gone})' if gone else ''}"
    )


def deduplicated(config: "DedupConfig", manifest: Manifest) -> str:
    """Say what stays, what was cut out of it, and what was found of each test set."""
    more = manifest.counts.more
    lines = [_made(config, manifest)]
    if more.get("documents_cut"):
        cuts = (f"{more[f'{kind}s_cut']:,} {kind}s" for kind in CUTS if more.get(f"{kind}s_cut"))
        lines.append(
            f"  cut {more['characters_cut']:,} characters out of {more['documents_cut']:,} "
            f"documents: {', '.join(cuts)}"
        )
    sets = manifest.details.get("test_sets", [])
    if found := [row for row in sets if row["found"]]:
        lines.append(shown({"test_sets": found[:SHOWN_SOURCES]}))
    if sets:
        rest = len(sets) - min(len(found), SHOWN_SOURCES)
        items, looked_for = (sum(row[key] for row in sets) for key in ("items", "too_short"))
        lines.append(
            f"  looked for {items - looked_for:,} of {items:,} items of {len(sets):,} test sets"
            f"{f'; {rest:,} more sets: see lmkit inspect' if found and rest else ''}"
            f"{'' if found else ', found none'}"
        )
    return "\n".join(lines)


def tokenizer_made(config: "TrainTokenizerConfig", manifest: Manifest) -> str:
    """Say what was learned, from how much, and how well it packs."""
    size, algorithm = manifest.details["vocabulary_size"], manifest.details["algorithm"]
    documents = manifest.counts.documents_out
    made = f"{config.output}: {algorithm} tokenizer of {size:,} tokens"
    if config.from_:
        made += f", taken from {config.from_}"
    elif documents:
        made += f" from {documents:,} documents"
    report = manifest.details["report"]
    if len(report) > 1:
        return f"{made}\n{shown({'report': report})}"
    return made + "".join(f", {row['bytes_per_token']:.2f} bytes a token" for row in report)


def packed(config: "PackConfig", manifest: Manifest) -> str:
    """Say what lies in each part, and of each source."""
    lines = [f"{config.output}: rows of {manifest.details['sequence_length']:,} tokens"]
    for side in ("train", "validation"):
        if found := manifest.details.get(side):
            lines.append(
                f"  {side}: {found['documents']:,} documents, {found['tokens']:,} tokens in "
                f"{found['rows']:,} rows ({found['padding_share']:.2%} padding, "
                f"{found['cut']:,} documents cut that fit), "
                f"{found['bytes_of_text'] / found['tokens']:.2f} bytes a token"
            )
    return "\n".join([*lines, *_by_source(manifest.details.get("sources", {}))])


def _by_source(sources: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Say what lies in a packed folder of each source, where there are several."""
    shown = list(sources.items())[:SHOWN_SOURCES] if len(sources) > 1 else []
    lines = [
        f"  from {name}: {found['documents']:,} documents, {found['tokens']:,} tokens, "
        f"{found['bytes']:,} bytes"
        for name, found in shown
    ]
    rest = len(sources) - len(shown)
    return [*lines, f"  and from {rest:,} more: see lmkit inspect"] if shown and rest else lines


def trained(config: "PretrainConfig", manifest: "Manifest | Forecast") -> str:
    """Say how large the model is and how far it came, or what a forecast expects."""
    if not isinstance(manifest, Manifest):
        return manifest.shown()
    details = manifest.details
    held_out = details["validation_loss"]
    measured = "" if held_out is None else f", validation loss {held_out:.4f}"
    steps, tokens = manifest.counts.more["steps"], manifest.counts.more["tokens"]
    return (
        f"{config.output}: {details['parameters']:,} parameters, {steps:,} steps, "
        f"{tokens:,} tokens{measured}"
    )


def inspected(_: "InspectConfig", sections: Mapping[str, Section]) -> str:
    """Show the sections."""
    return shown(sections)


def scored(config: "EvalConfig", scores: "Scores") -> str:
    """Say how well a run predicts some data."""
    told = f"{config.run} ({scores.checkpoint}) on {config.data}: loss {scores.loss:.4f}, "
    told += f"perplexity {scores.perplexity:.2f}"
    if not scores.bytes:  # only a model that says all of a text has bits for its bytes
        return f"{told} ({scores.tokens:,} tokens predicted)"
    return (
        f"{told}, {scores.bits_per_byte:.4f} bits a byte "
        f"({scores.tokens:,} tokens, {scores.bytes:,} bytes)"
    )


def exported(config: "ExportConfig", manifest: Manifest) -> str:
    """Say what the other program will find."""
    details = manifest.details
    if "architecture" in details:
        return (
            f"{config.output}: {details['architecture']}, {details['parameters']:,} parameters "
            f"({details['checkpoint']}); in Transformers its logits differ by at most "
            f"{details['largest_difference']:.1e} (the largest is {details['largest_logit']:.2f})"
        )
    files = ", ".join(
        f"{name} ({details[name]:,} tokens)" for name in ("train.bin", "val.bin") if name in details
    )
    between = details["separator"]
    behind = "nothing behind" if between is None else f"{between} behind"
    documents = manifest.counts.documents_out
    return f"{config.output}: {files}; {behind} each of {documents:,} documents"


def written(_: "GenerateConfig", samples: "list[Sample]") -> str:
    """Show the samples, with a rule between."""
    return "\n\n---\n\n".join(sample.shown() for sample in samples)
