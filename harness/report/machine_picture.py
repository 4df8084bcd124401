"""Draw a state machine as SVG with one box for each state; columns stand for wrong keys, rows for everything else."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from harness.report.text import shown
from harness.runs.state_machine import StateMachine

BOX_WIDTH: Final = 184
LINE: Final = 15
TOP: Final = 20
GAP_X: Final = 96
GAP_Y: Final = 62
MARGIN: Final = 46
MOST_DRAWN: Final = 80
"""The largest number of states that is drawn; a machine with more states is shown as a table only."""
LONGEST_LABEL: Final = 40
CHARACTER: Final = 6.8
"""The average width of a label's character, in units of the picture."""
KINDS: Final = ("move", "step", "differs", "broken")
"""The kinds of edges, in the order in which they are drawn; the last kinds are seen best."""
MOST_LABELS: Final = 3
WRAP: Final = 27
MOVES_WRAP: Final = 34
"""The width, in characters, at which the small text in a box is wrapped."""
_MOVES: Final = ("10 ", "11 ", "power", "wait")
"""Beginnings of letters (session, restart, wait) that lead back from every state; their edges are faint, and in boxes."""

Step = tuple[str, str]
"""A transition's state and letter."""


@dataclass(frozen=True, slots=True)
class Box:
    """The rectangle that stands for a state in the picture."""

    x: float
    y: float
    height: float
    lines: tuple[str, ...]
    moves: tuple[str, ...]

    @property
    def middle(self) -> tuple[float, float]:
        """The centre of the box, as x and y in the picture's units."""
        return self.x + BOX_WIDTH / 2, self.y + self.height / 2


def picture(machine: StateMachine, *, broken: Mapping[Step, str] | None = None, differing: Sequence[Step] = ()) -> Markup:
    """Draw the machine: steps that break a rule red, with the check's id; steps that differ from the reference dashed."""
    is_tree = bool(machine.states) and machine.states[0].name == "initial"  # no machine: only the sequences that were asked
    if not machine.states or is_tree or len(machine.states) > MOST_DRAWN:
        return Markup("")
    broken = broken or {}
    boxes = _boxes(machine)
    edges = _edges(machine, broken, set(differing))
    drawn = [_edge(boxes, one) for one in edges]
    labels = [label for _, label in drawn if label is not None]
    left = min([0.0, *(label.left for label in labels)])
    right = max([max(box.x for box in boxes.values()) + BOX_WIDTH + MARGIN, *(label.right for label in labels)])
    height = max(box.y + box.height for box in boxes.values()) + TOP
    parts = [
        Markup('<svg class="machine" viewBox="{:.0f} 0 {:.0f} {:.0f}" width="{:.0f}" role="img" aria-label="{}">').format(
            left, right - left, height, right - left, f"{len(machine.states)} states of {shown(machine.target)}"
        ),
        Markup("<defs>{}</defs>").format(Markup("").join(map(_tip, KINDS))),
    ]
    parts += [line for line, _ in drawn]
    parts += [_box(boxes[state.id], state.id, is_initial=state.id == machine.initial) for state in machine.states]
    parts += [_label(label) for label in labels]
    return Markup("\n").join([*parts, Markup("</svg>")])


# Where the boxes stand


def _boxes(machine: StateMachine) -> dict[str, Box]:
    split = {state.id: _row_and_column(state.name) for state in machine.states}
    columns = sorted({column for _, column in split.values()}, key=_column_order)
    rows = sorted({row for row, _ in split.values()}, key=_row_order)
    cells: dict[tuple[str, str], list[str]] = {}
    for state in machine.states:
        cells.setdefault(split[state.id], []).append(state.id)
    names = {state.id: state.name for state in machine.states}
    moves = {state.id: _moves(machine, state.id) for state in machine.states}
    widths = {column: max(len(cells.get((row, column), ())) for row in rows) for column in columns}
    boxes: dict[str, Box] = {}
    y = float(TOP)
    for row in rows:
        lines = {one: _wrapped(f"{one}  {names[one]}") for column in columns for one in cells.get((row, column), ())}
        height = max(len(lines[one]) + len(moves[one]) for one in lines) * LINE + 14.0
        x = float(MARGIN)
        for column in columns:
            for index, one in enumerate(cells.get((row, column), ())):
                boxes[one] = Box(x + index * (BOX_WIDTH + GAP_X), y, height, lines[one], moves[one])
            x += widths[column] * (BOX_WIDTH + GAP_X)
        y += height + GAP_Y
    return boxes


def _row_and_column(name: str) -> tuple[str, str]:
    """Split a state's name into its row (session, seed and locks) and its column (wrong keys and delay)."""
    parts = name.split(" (")[0].split(", ")
    counted = [part for part in parts if "wrong key" in part or part.startswith("delayed")]
    return ", ".join(part for part in parts if part not in counted), ", ".join(counted)


def _row_order(row: str) -> tuple[int, int, int, str]:
    first = 0 if row.startswith("restarting") else 1 if row.startswith("default") else 2
    return first, row.count("unlocked"), row.count("pending"), row


def _column_order(column: str) -> tuple[int, int, str]:
    return column.count("delayed"), len(column.split(", ")) if column else 0, column


def _wrapped(text: str, characters: int = WRAP) -> tuple[str, ...]:
    lines: list[str] = []
    for word in shown(text).replace("\n", " ").split(" "):
        if lines and len(lines[-1]) + len(word) < characters:
            lines[-1] += f" {word}"
        else:
            lines.append(word[: 2 * characters])
    return tuple(lines)


def _moves(machine: StateMachine, state: str) -> tuple[str, ...]:
    """List where session changes, restarts and waits lead; empty if every letter leads to the same other state.

    Letters that keep the state are listed only if the state is unlocked.
    """
    targets: dict[str, list[str]] = {}
    steps = [one for one in machine.transitions if one.source == state]
    if {one.target for one in steps} not in ({state}, set()) and len({one.target for one in steps}) == 1:
        return ()
    for one in steps:
        if one.letter.startswith(_MOVES) and one.target != state:
            targets.setdefault(one.target, []).append(one.letter)
    told = [f"{', '.join(letters)} → {target}" for target, letters in targets.items()]
    if "unlocked" in machine.name_of(state):
        kept = [one.letter for one in steps if one.letter.startswith(_MOVES) and one.target == state]
        told += [f"{', '.join(kept)}: stays open"] if kept else []
    return tuple(line for one in told for line in _wrapped(one, MOVES_WRAP))


# What leads from one to the next


@dataclass(frozen=True, slots=True)
class _Edge:
    source: str
    target: str
    labels: tuple[str, ...]
    kind: str
    """The kind of edge: ``step``, ``move`` (faint, without labels), ``broken`` or ``differs``."""


def _edges(machine: StateMachine, broken: Mapping[Step, str], differing: set[Step]) -> list[_Edge]:
    found: dict[tuple[str, str, str], list[str]] = {}
    leads_on = {
        one.id: len({step.target for step in machine.transitions if step.source == one.id}) for one in machine.states
    }
    for one in machine.transitions:
        step = (one.source, one.letter)
        if step in broken:
            label, kind = f"{one.letter}: {one.answer} ({broken[step]})", "broken"
        elif one.source == one.target:
            continue
        elif leads_on[one.source] == 1:
            label, kind = f"anything: {one.answer}", "step"
        elif one.letter.startswith(_MOVES):
            label, kind = "", "differs" if step in differing else "move"
        else:
            label, kind = one.letter, "differs" if step in differing else "step"
        labels = found.setdefault((one.source, one.target, kind), [])
        if label and label not in labels:
            labels.append(label)
    edges = [_Edge(source, target, _label_lines(labels), kind) for (source, target, kind), labels in found.items()]
    return sorted(edges, key=lambda one: KINDS.index(one.kind))


def _tip(kind: str) -> Markup:
    """Draw an arrow's head, in the colour of its edge."""
    return Markup(
        '<marker id="tip-{}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="{}" markerHeight="{}" '
        'markerUnits="userSpaceOnUse" orient="auto"><path class="tip {}" d="M0 0 L8 4 L0 8 z"/></marker>'
    ).format(kind, 9, 9, kind)


def _label_lines(labels: Sequence[str]) -> tuple[str, ...]:
    more = (f"and {len(labels) - MOST_LABELS} more",) if len(labels) > MOST_LABELS else ()
    return (*(shown(label)[:LONGEST_LABEL] for label in labels[:MOST_LABELS]), *more)


@dataclass(frozen=True, slots=True)
class _Label:
    """The text beside an edge, and its place."""

    x: float
    y: float
    anchor: str
    """The part of the text that is at `x`: ``start``, ``middle`` or ``end``."""
    kind: str
    lines: tuple[str, ...]

    @property
    def left(self) -> float:
        """The x at which the label begins, approximately."""
        return self.x - self._width * {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor]

    @property
    def right(self) -> float:
        """The x at which the label ends, approximately."""
        return self.left + self._width

    @property
    def _width(self) -> float:
        return CHARACTER * max(map(len, self.lines))


def _edge(boxes: Mapping[str, Box], edge: _Edge) -> tuple[Markup, _Label | None]:
    """Draw the line of an edge; put its label, if any, beside a vertical line or on any other line."""
    source, target = boxes[edge.source], boxes[edge.target]
    if source is target:
        return _loop(source, edge)
    (x1, y1), (x2, y2) = source.middle, target.middle
    length = math.hypot(x2 - x1, y2 - y1)
    is_column = abs(x2 - x1) < 1
    is_far = is_column and abs(y2 - y1) > source.height / 2 + target.height / 2 + GAP_Y * 1.5
    bow = BOX_WIDTH * 0.9 if is_far else 26.0
    if edge.kind == "move" and is_far:
        bow = -bow
    control = (x1 + x2) / 2 - (y2 - y1) / length * bow, (y1 + y2) / 2 + (x2 - x1) / length * bow
    start, end = _border(source, control), _border(target, control)
    path = f"M{start[0]:.1f} {start[1]:.1f} Q{control[0]:.1f} {control[1]:.1f} {end[0]:.1f} {end[1]:.1f}"
    line = Markup('<path class="{}" d="{}" marker-end="url(#tip-{})"/>').format(edge.kind, path, edge.kind)
    at = tuple(0.25 * one + 0.5 * two + 0.25 * three for one, two, three in zip(start, control, end, strict=True))
    if not edge.labels:
        return line, None
    if not is_column:
        return line, _Label(at[0], at[1], "middle", edge.kind, edge.labels)
    is_left = control[0] < x1
    return line, _Label(at[0] + (-5 if is_left else 5), at[1], "end" if is_left else "start", edge.kind, edge.labels)


def _border(box: Box, towards: tuple[float, float]) -> tuple[float, float]:
    """Return the point at which the line from a box's middle to another point leaves the box."""
    x, y = box.middle
    dx, dy = towards[0] - x, towards[1] - y
    scale = min(BOX_WIDTH / 2 / abs(dx) if dx else math.inf, box.height / 2 / abs(dy) if dy else math.inf)
    return (x + dx * scale, y + dy * scale) if math.isfinite(scale) else (x, y)


def _loop(box: Box, edge: _Edge) -> tuple[Markup, _Label | None]:
    x, y = box.x + BOX_WIDTH, box.y + box.height / 2
    path = f"M{x:.1f} {y - 12:.1f} C{x + 40:.1f} {y - 26:.1f} {x + 40:.1f} {y + 26:.1f} {x:.1f} {y + 12:.1f}"
    line = Markup('<path class="{}" d="{}" marker-end="url(#tip-{})"/>').format(edge.kind, path, edge.kind)
    return line, _Label(x + 34, y, "start", edge.kind, edge.labels)


def _label(label: _Label) -> Markup:
    rows = Markup("").join(
        Markup('<tspan x="{:.1f}" dy="{}">{}</tspan>').format(label.x, 0 if index == 0 else 13, line)
        for index, line in enumerate(label.lines)
    )
    y = label.y + 4 - 6.5 * (len(label.lines) - 1)
    return Markup('<text class="label {}" text-anchor="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(
        label.kind, label.anchor, label.x, y, rows
    )


def _box(box: Box, state: str, *, is_initial: bool) -> Markup:
    rows = []
    y = box.y + 18
    for index, line in enumerate(box.lines):
        name = "id" if index == 0 else "name"
        rows.append(Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(name, box.x + 8, y, line))
        y += LINE
    for line in box.moves:
        rows.append(Markup('<text class="move" x="{:.1f}" y="{:.1f}">{}</text>').format(box.x + 8, y, line))
        y += LINE
    frame = Markup('<rect class="state{}" x="{:.1f}" y="{:.1f}" width="{}" height="{:.1f}" rx="7"/>').format(
        " initial" if is_initial else "", box.x, box.y, BOX_WIDTH, box.height
    )
    return Markup("<g><title>{}</title>{}{}</g>").format(state, frame, Markup("").join(rows))
