"""Options of every command that reads documents, and the files that hold documents."""

QUARANTINE_FILES = r"quarantine-(validation-)?\d{5,}\.jsonl\.zst"
DOCUMENT_FILES = (r"(documents|rejected)-\d{5,}\.jsonl\.zst", QUARANTINE_FILES)
MEASURES_FILES = r"measures-\d{5,}\.parquet"


RANGE_BYTES = 64_000_000
