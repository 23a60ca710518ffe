"""Amounts as people read them: bytes, seconds and things, with their units."""


def plural(count: int, noun: str) -> str:
    """Return a number with its noun.

    >>> plural(1, "run"), plural(1200, "run")
    ('1 run', '1,200 runs')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def size(count: int) -> str:
    """Return a number of bytes with its unit.

    >>> size(999), size(1_000), size(64_000_000)
    ('999 B', '1.0 kB', '64.0 MB')
    """
    amount, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while amount >= 1_000 and len(units) > 1:
        amount, units = amount / 1_000, units[1:]
    return f"{count} B" if units[0] == "B" else f"{amount:.1f} {units[0]}"


def duration(seconds: float) -> str:
    """Return a time to wait, in one unit.

    >>> duration(59), duration(90), duration(4 * 3600)
    ('59 s', '2 min', '4.0 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def clock(seconds: float) -> str:
    """Return a time as a clock shows it.

    >>> clock(48), clock(725.6), clock(4 * 3600)
    ('0:48', '12:06', '4:00:00')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
