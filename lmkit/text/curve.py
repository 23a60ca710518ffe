"""How likely MinHash is to propose two documents, by how similar they are.

Choice: a threshold stands for the most rows (so the fewest pairs that are proposed in vain) with
which two documents that are just so similar are still proposed in 95 of 100 cases, and for as many
bands as there are in FineWeb's 112 numbers a document. Others weigh both errors alike, and then
miss half of what is just at the threshold; what is proposed in vain costs only a comparison here.
"""

NUMBERS = 112
CAUGHT = 0.95


def catch_probability(similarity: float, bands: int, rows: int) -> float:
    """Return the odds that two documents of a similarity share a band.

    The figure that FineWeb gives for its 14 x 8, at 0.85 (arXiv 2406.17557, section 3.4):

    >>> round(catch_probability(0.85, 14, 8), 3)
    0.988
    """
    return 1 - (1 - similarity**rows) ** bands


def bands_and_rows(threshold: float) -> tuple[int, int]:
    """Return what catches documents of a similarity.

    >>> bands_and_rows(0.8), bands_and_rows(0.5)
    ((16, 7), (37, 3))
    """
    enough = (
        (NUMBERS // rows, rows)
        for rows in range(NUMBERS, 1, -1)
        if catch_probability(threshold, NUMBERS // rows, rows) >= CAUGHT
    )
    return next(enough, (NUMBERS, 1))


def shown_curve(bands: int, rows: int) -> str:
    """Say how often documents are compared, by their similarity."""
    points = (0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
    odds = (f"{point:.2f}: {catch_probability(point, bands, rows):.0%}" for point in points)
    return f"{bands} bands of {rows} rows: documents this similar are compared: {', '.join(odds)}"
