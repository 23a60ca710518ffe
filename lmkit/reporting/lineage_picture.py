"""The lineage as a picture: boxes for folders, in the order in which data passes them.

Choices:
- A folder stands one step after the last of those that it was made of (longest path), and in the
  order of their middles, so that few lines cross.
- It is drawn twice, from left to right and from top to bottom: the style sheet shows the second on
  narrow screens.
"""

from collections.abc import Mapping, Sequence

from lmkit.reporting.escaped_html import Html, element, joined
from lmkit.reporting.lineage import MISSING, OUTSIDE, RAW, Lineage, Node
from lmkit.reporting.svg_shapes import picture, shape, shortened, text_at
from lmkit.reporting.tables_html import number

BOX, BOX_HEIGHT = 146, 58
GAP_ALONG, GAP_ACROSS = 40, 16
ROOM = 30
"""Next to the boxes, for arrows that pass by others."""
MAX_NODES = 200
"""More than these are listed, but not drawn."""


def lineage_picture(lineage: Lineage) -> Html:
    """Return the picture in both directions."""
    nodes = lineage.nodes[-MAX_NODES:]
    if not nodes:
        return Html()
    rows = _rows(nodes)
    across = _drawn(nodes, rows, across=True)
    down = _drawn(nodes, rows, across=False)
    return joined(
        [
            element("div", across, class_="scroll across", tabindex=0),
            element("div", down, class_="scroll down", tabindex=0),
        ]
    )


def _rows(nodes: Sequence[Node]) -> list[list[Node]]:
    """Return the nodes by their steps from raw files."""
    depth: dict[str, int] = {}
    for node in nodes:  # each after its inputs
        depth[node.key] = max((depth[key] + 1 for key in node.inputs if key in depth), default=0)
    for node in reversed(nodes):  # what nothing was made of stands right before what it went into
        users = [depth[other.key] for other in nodes if node.key in other.inputs]
        if not node.inputs and users:
            depth[node.key] = min(users) - 1
    rows: list[list[Node]] = [[] for _ in range(max(depth.values()) + 1)]
    position: dict[str, float] = {}
    for row_number, row in enumerate(rows):
        row += [node for node in nodes if depth[node.key] == row_number]
        row.sort(key=lambda node: _middle(node, position))
        for index, node in enumerate(row):
            position[node.key] = index - len(row) / 2
    return rows


def _middle(node: Node, position: Mapping[str, float]) -> float:
    known = [position[key] for key in node.inputs if key in position]
    return sum(known) / len(known) if known else 0.0


def _drawn(nodes: Sequence[Node], rows: Sequence[Sequence[Node]], *, across: bool) -> Html:
    along, side = (BOX, BOX_HEIGHT) if across else (BOX_HEIGHT, BOX)
    widest = max(map(len, rows))
    total = widest * (side + GAP_ACROSS) + GAP_ACROSS + 2 * ROOM
    at: dict[str, tuple[float, float]] = {}
    for row_number, row in enumerate(rows):
        middle = (total - len(row) * (side + GAP_ACROSS) + GAP_ACROSS) / 2
        first = middle if across else ROOM  # a narrow screen shows the left part first
        for index, node in enumerate(row):
            a, b = 4 + row_number * (along + GAP_ALONG), first + index * (side + GAP_ACROSS)
            at[node.key] = (a, b) if across else (b, a)
    depth = {node.key: number for number, row in enumerate(rows) for node in row}
    edges = [
        _edge(at[key], at[node.key], depth[node.key] - depth[key], across=across)
        for node in nodes
        for key in node.inputs
        if key in at
    ]
    boxes = [_box(node, *at[node.key]) for node in nodes]
    length = len(rows) * (along + GAP_ALONG) - GAP_ALONG + 8
    size = (length, total) if across else (total, length)
    label = f"Lineage of {len(nodes)} folders: {', '.join(node.name for node in nodes[:20])}"
    return picture(*size, label, *edges, *boxes, class_="fit" if across else "")


def _edge(
    start: tuple[float, float], end: tuple[float, float], steps: int, *, across: bool
) -> Html:
    """Return an arrow; one of several steps passes next to the boxes between."""
    along, side = (0, 1) if across else (1, 0)
    size = (BOX, BOX_HEIGHT)
    a1, b1 = start[along] + size[along], start[side] + size[side] / 2
    a2, b2 = end[along] - 6, end[side] + size[side] / 2
    reach = GAP_ALONG if steps > 1 else (a2 - a1) / 2
    points = [(a1, b1), (a1 + reach, b1), (a2 - reach, b2), (a2, b2)]
    if steps > 1 and abs(b1 - b2) < size[side]:
        aside = min(b1, b2) - size[side] / 2 - 10 - 4 * steps
        first, last = a1 + GAP_ALONG, a2 - GAP_ALONG
        middle = [(a1 + 20, b1), (a1 + 20, aside), (first, aside)]
        middle += [(first, aside), (last, aside), (last, aside)]
        points = [(a1, b1), *middle, (a2 - 20, aside), (a2 - 20, b2), (a2, b2)]
    written = [f"{x:.0f} {y:.0f}" for x, y in (each if across else each[::-1] for each in points)]
    path = f"M{written[0]}C{' '.join(written[1:])}"
    tip = f"M{a2 + 6:.0f} {b2:.0f}l-7 -4v8z" if across else f"M{b2:.0f} {a2 + 6:.0f}l-4 -7h8z"
    return joined([shape("path", d=path, class_="edge"), shape("path", d=tip, class_="arrow")])


def _box(node: Node, x: float, y: float) -> Html:
    kind = "lost" if node.stage == MISSING else "raw" if node.stage in {RAW, OUTSIDE} else ""
    stage = node.stage if node.is_finished or node.folder is None else f"{node.stage}, unfinished"
    return shape(
        "g",
        element("title", f"{node.name}: {stage}, {fact_of(node)}"),
        shape("rect", x=x, y=y, width=BOX, height=BOX_HEIGHT, rx=6, class_=f"box {kind}".strip()),
        text_at(x + 9, y + 18, shortened(node.name, 17), "strong"),
        text_at(x + 9, y + 34, stage, "dim"),
        text_at(x + 9, y + 50, shortened(fact_of(node), 20), "dim"),
    )


def fact_of(node: Node) -> str:
    """Return the one number that says most of a node."""
    if node.folder is None:
        return f"{node.files:,} {'file' if node.files == 1 else 'files'}" if node.files else ""
    counts, details = node.folder.counts, node.folder.details
    match node.stage:
        case "clean" | "dedup":
            return f"{counts.documents_out:,} documents"
        case "train-tokenizer":
            return f"{details.get('vocabulary_size', '?'):,} tokens" if details else ""
        case "pack":
            return f"{counts.more.get('tokens', 0):,} tokens"
        case "pretrain":
            parameters = details.get("parameters")
            return f"{number(parameters)} weights" if isinstance(parameters, int) else ""
        case "eval":
            items = counts.more.get("items", 0)
            return f"{items:,} items" if items else f"{counts.more.get('tokens', 0):,} tokens"
        case _:
            return ""
