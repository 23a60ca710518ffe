"""Where an axis has its ticks, and what is written at them; charts.js has the same rules."""

import math

MOST = 6


def linear_ticks(low: float, high: float, most: int = MOST) -> list[float]:
    """Return multiples of 1, 2 or 5 times a power of ten.

    >>> linear_ticks(0, 10, 6)
    [0, 2, 4, 6, 8, 10]
    """
    if not high > low:
        return [low]
    rough = (high - low) / (most - 1)
    power = 10 ** math.floor(math.log10(rough))
    step = next((each * power for each in (1, 2, 5) if each * power >= rough * 0.999), 10 * power)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int = MOST) -> list[float]:
    """Return 1, 2 and 5 times powers of ten; of many decades, only these; of less, linear ones.

    >>> log_ticks(3, 60)
    [5.0, 10.0, 20.0, 50.0]
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    decades = math.log10(high / low)
    if decades > most / 2:
        every = max(1, round((last - first) / most))
        found = [10.0**power for power in range(first, last + 1, every)]
    else:
        found = [digit * 10.0**power for power in range(first, last + 1) for digit in (1, 2, 5)]
    inside = [each for each in found if low * 0.9999 <= each <= high * 1.0001]
    return inside if len(inside) > 1 else linear_ticks(low, high, most)


def tick_text(value: float) -> str:
    """Return a short number.

    >>> tick_text(0.0005), tick_text(12_000), tick_text(2.5e9)
    ('5e-4', '12k', '2.5G')
    """
    if value == 0:
        return "0"
    for unit, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:.4g}{name}"
    if abs(value) < 1e-3:
        digits, _, power = f"{value:.2e}".partition("e")
        return f"{float(digits):g}e{int(power)}"
    return f"{value:.4g}"
