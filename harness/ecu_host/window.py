"""Show the operator's window: an ECU and its bus on a terminal, like the article's window."""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.validation import Function
from textual.widgets import Button, Checkbox, Footer, Input, Label, OptionList, RichLog, Static, TabbedContent, TabPane
from textual.widgets.option_list import Option

from harness.ecu.flaws import FLAWS
from harness.ecu_host.fields import PeriodicField, read_bus, read_data, read_id, read_period
from harness.ecu_host.frame_log import FrameLog, PrintedLines
from harness.ecu_host.host import BusOptions, Host
from harness.ecu_host.periodic import ARTICLE_FRAMES, PeriodicFrames
from harness.ecu_host.state_file import StateFile
from harness.ecu_host.status import StatusSocket, status_line, status_text
from harness.ecu_host.view import EcuView, data_text, security_text
from harness.errors import HarnessError
from harness.simulation.node import load_nodes
from harness.system import ENDING_SIGNALS

REFRESH_S: Final = 0.2
SWITCH_S: Final = 0.0005
"""The longest time in seconds for which drawing may keep the ECU waiting; Python's 5 ms would add up to more than P2."""
LINES_A_REFRESH: Final = 200
LOG_LINES: Final = 1000
WIDE: Final = 110
BYTES_NARROW, BYTES_WIDE = 4, 16


class _Flaws(OptionList):
    """A list in which Space selects an item, as Enter does."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "select", "Switch", show=False)]


class EcuWindow(App[None]):
    """The fields, buttons and pictures of one host; the window asks it for everything, and never accesses a node itself."""

    TITLE = "uds-harness ecu"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "start", "Start"),
        Binding("f6", "stop", "Stop"),
        Binding("f7", "power", "Power off/on"),
        Binding("ctrl+q", "quit", "Quit"),
    ]
    CSS = """
    #top { height: 1; }
    #top Label { margin: 0 1 0 0; }
    #bus { width: 26; margin: 0 1 0 0; }
    #top Button { min-width: 9; margin: 0 1 0 0; }
    #status { height: 1; }
    #status.trouble, .problem { color: $text-error; }
    TabbedContent { height: 1fr; }
    TabPane { padding: 0; }
    #sides { height: auto; }
    #security { width: 43; height: auto; margin: 0 1 0 0; }
    #data { width: 1fr; height: auto; text-wrap: nowrap; text-overflow: ellipsis; }
    .frame { height: 1; }
    .frame Checkbox { width: 10; }
    .frame .id { width: 10; margin: 0 1 0 0; }
    .frame .bytes { width: 25; margin: 0 1 0 0; }
    .frame .period { width: 8; margin: 0 1 0 0; }
    .frame .problem { width: 1fr; }
    Input.-invalid { background: $error; color: $text; }
    #flaws { height: 1fr; }
    #log { height: 8; border-top: solid $primary; overflow-x: hidden; }
    .-wide #log { height: 16; }
    .-wide #security { width: 50; }
    .-wide #bus { width: 40; }
    .-wide .frame .bytes { width: 40; }
    """

    def __init__(
        self, host: Host, *, log: FrameLog, periodic: PeriodicFrames, bus: BusOptions, starts: bool, threaded: bool = True
    ) -> None:
        """Make the window. `starts`: begin at once. `threaded`: False in tests, which step the host themselves.

        The host's messages and the frames that it receives have to be added to `log`.
        """
        super().__init__()
        self.animation_level = "none"  # over a slow line each of its pictures would be waited for
        self._host = host
        self._frame_log = log
        self._periodic = periodic
        self._bus_options = bus
        self._starts = starts
        self._threaded = threaded
        self._thread: threading.Thread | None = None
        self._status_socket: StatusSocket | None = None
        self._is_started = False
        self._trouble = ""
        self._shown: tuple[dict[str, Any], tuple[EcuView, ...]] | None = None
        self._is_asked = False
        self._texts: dict[str, str] = {}
        self._takes_flaws = _takes_flaws(host.profile)
        self._switched_on: set[str] = set(host.flaws)

    # What there is

    def compose(self) -> ComposeResult:
        """Lay the window out."""
        with Horizontal(id="top"):
            yield Label("Interface")
            yield Input(
                self._bus_options.name, id="bus", compact=True, validators=[Function(_reads(read_bus))], valid_empty=False
            )
            yield Button("Start", id="start", variant="success", compact=True)
            yield Button("Stop", id="stop", variant="error", compact=True)
            yield Button("Power", id="power", compact=True)
        yield Static("", id="status", markup=False)
        with TabbedContent():
            with TabPane("ECU", id="ecu"), VerticalScroll(), Horizontal(id="sides"):
                yield Static("", id="security", markup=False)
                yield Static("", id="data", markup=False)
            with TabPane("Frames", id="frames"):
                yield from self._frame_rows()
            with TabPane("Flaws", id="flaws_pane"):
                yield from self._flaw_list()
        yield RichLog(id="log", max_lines=LOG_LINES, wrap=False, min_width=40, auto_scroll=True)
        yield Footer()

    def _frame_rows(self) -> ComposeResult:
        with Horizontal(classes="frame"):
            yield Label(" Send      Id (hex)   Data (hex)                Period (s)")
        for number, frame in enumerate(self._first_frames()):
            can_id = f"{frame.can_id:08X}" if frame.is_extended else f"{frame.can_id:03X}"
            with Horizontal(classes="frame"):
                yield Checkbox(f"{number + 1} on", value=True, id=f"on{number}", compact=True)
                for kind, read, text in (
                    ("id", read_id, can_id),
                    ("bytes", read_data, ",".join(f"{byte:02X}" for byte in frame.data)),
                    ("period", read_period, f"{frame.period_s}"),
                ):
                    yield Input(text, id=f"{kind}{number}", classes=kind, compact=True, validators=[Function(_reads(read))])
                yield Label("", id=f"problem{number}", classes="problem", markup=False)
        yield Label("\n Enter takes over what was typed. Ids: 3 digits are 11 bits, 8 are 29 bits.")

    def _first_frames(self) -> tuple[PeriodicField, ...]:
        is_article = self._host.profile.startswith("article")
        return tuple(replace(frame, is_extended=is_article) for frame in ARTICLE_FRAMES)

    def _flaw_list(self) -> ComposeResult:
        if not self._takes_flaws:
            yield Label(f"\n {self._host.profile} takes no flaws; hardened does.")
            return
        yield Input(
            placeholder="Type to look for a flaw; Space switches it, and restarts the ECU", id="sought", compact=True
        )
        yield _Flaws(*self._flaws_like(""), id="flaws", compact=True)

    def _flaws_like(self, text: str) -> list[Option]:
        """Return the flaws that are on, then other flaws whose name or description contains every word of the text."""
        words = text.casefold().split()
        names = [name for name, flaw in FLAWS.items() if all(word in f"{name} {flaw.what}".casefold() for word in words)]
        switched_on = sorted(self._switched_on & set(FLAWS))
        return [self._flaw_option(name) for name in (*switched_on, *(one for one in names if one not in switched_on))]

    def _flaw_option(self, name: str) -> Option:
        return Option(self._flaw_text(name), id=name)

    def _flaw_text(self, name: str) -> Text:
        return Text(f"[{'x' if name in self._switched_on else ' '}] {name}: {FLAWS[name].what}")

    # Life

    def on_mount(self) -> None:
        """Start the ECU."""
        self.sub_title = self._host.profile
        sys.stdout = PrintedLines(self._frame_log.add)  # the article's script prints; Textual puts the old one back
        if self._threaded:
            sys.setswitchinterval(SWITCH_S)
            self._thread = threading.Thread(target=self._run_host, daemon=True, name="uds-harness-ecu")
            self._thread.start()
            self.set_interval(REFRESH_S, self.refresh_view)
            loop = asyncio.get_running_loop()
            with suppress(NotImplementedError):  # Windows' loops know no signals; Ctrl-C is a key to Textual
                for number in ENDING_SIGNALS:
                    loop.add_signal_handler(number, self.exit)
                loop.add_signal_handler(signal.SIGUSR1, self._log_status)
        if self._starts:
            self.action_start()
        self.query_one("#start", Button).focus()
        self.refresh_view()

    def _run_host(self) -> None:
        try:
            self._host.run()
        except Exception as error:  # whatever ends it, the operator is told
            self._trouble = f"the ECU has ended: {type(error).__name__}: {error}"

    def on_unmount(self) -> None:
        """Take the ECU off the bus."""
        if self._status_socket is not None:
            self._status_socket.close()
        self._host.stop()
        if self._thread is not None:
            self._thread.join(timeout=5.0)

    def _ask(self, act: Callable[[], object]) -> None:
        """Call a function of the host, and show the error that it raises."""

        def try_it() -> None:
            try:
                act()
            except HarnessError as error:
                self._trouble = str(error)
            else:
                self._trouble = ""

        self._host.ask(try_it)

    def _log_status(self) -> None:
        """Add the status to the window's log; called on SIGUSR1."""

        def tell() -> None:
            for line in status_text(self._host.status()).splitlines():
                self._frame_log.add(line)

        self._host.ask(tell)

    # Start and stop

    @on(Button.Pressed, "#start")
    def action_start(self) -> None:
        """Put the ECU on the bus, and send the frames that are switched on."""
        try:
            interface, channel = read_bus(self.query_one("#bus", Input).value)
        except ValueError as error:
            self._refuse(f"Interface: {error}")
            return
        frames = self._frames()
        if frames is None:
            self._refuse("Not started: a frame has a field that cannot be sent; see Frames")
            return
        if self._is_started:
            self._refuse("It has been started already")
            return
        bus = replace(self._bus_options, interface=interface, channel=channel)
        try:
            self._status_socket = StatusSocket(self._host, bus.name)
        except HarnessError as error:
            self._refuse(str(error))
            return
        self._is_started = True
        self._ask(partial(self._connect, bus, frames))

    def _connect(self, bus: BusOptions, frames: Sequence[PeriodicField]) -> None:
        """Connect to the bus. Runs on the host's thread."""
        try:
            self._host.connect(bus, waits=False)
            self._periodic.send(frames)
        except HarnessError:
            self._is_started = False
            self._release()
            raise

    @on(Button.Pressed, "#stop")
    def action_stop(self) -> None:
        """Take the ECU off the bus; it stays switched on."""
        if not self._is_started:
            self._refuse("It has not been started")
            return
        self._is_started = False
        self._release()
        self._ask(partial(self._periodic.send, ()))
        self._ask(self._host.disconnect)

    def _release(self) -> None:
        if self._status_socket is not None:
            self._status_socket.close()
            self._status_socket = None

    @on(Button.Pressed, "#power")
    def action_power(self) -> None:
        """Cut and restore the ECU's supply."""
        self._ask(self._host.power_cycle)

    def _refuse(self, why: str) -> None:
        self._trouble = why
        self.refresh_view()

    # Fields

    def _frames(self) -> list[PeriodicField] | None:
        """Return the frames that are switched on; None if a field is wrong. Mistakes are shown beside their fields."""
        frames: list[PeriodicField] | None = []
        for number in range(len(ARTICLE_FRAMES)):
            problem = ""
            try:
                can_id, is_extended = read_id(self.query_one(f"#id{number}", Input).value)
                data = read_data(self.query_one(f"#bytes{number}", Input).value)
                period_s = read_period(self.query_one(f"#period{number}", Input).value)
            except ValueError as error:
                problem = str(error)
            self.query_one(f"#problem{number}", Label).update(problem)
            if not self.query_one(f"#on{number}", Checkbox).value:
                continue
            if problem:
                frames = None
            elif frames is not None:
                frames.append(PeriodicField(can_id, is_extended, data, period_s))
        return frames

    @on(Input.Submitted, ".id, .bytes, .period")
    @on(Input.Blurred, ".id, .bytes, .period")
    @on(Checkbox.Changed)
    def _take_frames(self) -> None:
        """Send the frames as they are typed now; send none while a field is wrong."""
        for number in range(len(ARTICLE_FRAMES)):
            switch = self.query_one(f"#on{number}", Checkbox)
            switch.label = f"{number + 1} {'on' if switch.value else 'off'}"
        frames = self._frames()
        if self._is_started:
            self._ask(partial(self._periodic.send, frames or ()))

    @on(Input.Submitted, "#bus")
    def _start_by_enter(self) -> None:
        if not self._is_started:
            self.action_start()

    # Flaws

    @on(Input.Changed, "#sought")
    def _look_for_flaws(self, event: Input.Changed) -> None:
        self.query_one("#flaws", OptionList).clear_options().add_options(self._flaws_like(event.value))

    @on(OptionList.OptionSelected, "#flaws")
    def _switch_flaw(self, event: OptionList.OptionSelected) -> None:
        """Restart the ECU with one flaw more, or one less; two flaws that exclude each other cannot both be on."""
        name = event.option.id or ""
        wanted = self._switched_on ^ {name}
        try:
            load_nodes("+".join((self._host.profile, *sorted(wanted))))
        except HarnessError as error:
            self._trouble = str(error)
            return
        self._switched_on = wanted
        event.option_list.replace_option_prompt(name, self._flaw_text(name))
        self._ask(partial(self._host.set_flaws, sorted(self._switched_on)))

    # What is shown

    def _look(self) -> None:
        """Read the ECU's state. Runs on the host's thread."""
        self._shown = (self._host.status(), self._host.views())
        self._is_asked = False

    def refresh_view(self) -> None:
        """Show the state that was read last, and ask the host to read it again."""
        if not self._is_asked:
            self._is_asked = True
            self._host.ask(self._look)
        log = self.query_one("#log", RichLog)
        for line in self._frame_log.take(LINES_A_REFRESH):
            log.write(Text(line))
        if self._shown is None:
            return
        told, views = self._shown
        self.query_one("#status", Static).set_class(bool(self._trouble or told["away"] or told["is_dead"]), "trouble")
        self._show("status", self._trouble or status_line(told))
        self._show("security", security_text(views))
        self._show("data", data_text(views, BYTES_WIDE if self.size.width >= WIDE else BYTES_NARROW))

    def _show(self, name: str, text: str) -> None:
        """Draw a text if it has changed."""
        if self._texts.get(name) != text:
            self._texts[name] = text
            self.query_one(f"#{name}", Static).update(text)


def _takes_flaws(profile: str) -> bool:
    """Whether this ECU accepts any flaws."""
    try:
        load_nodes(f"{profile.split('+')[0]}+{next(iter(FLAWS))}")
    except HarnessError:
        return False
    return True


def _reads(read: Callable[[str], object]) -> Callable[[str], bool]:
    """Return a function that tells whether `read` accepts a text."""

    def is_read(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return False
        return True

    return is_read


def open_window(profile: str, *, flaws: Sequence[str], state_file: StateFile | None, bus: BusOptions, starts: bool) -> None:
    """Show the window until it is closed. Raises UserError as `Host` does."""
    log, periodic = FrameLog(), PeriodicFrames()
    host = Host(profile, flaws=flaws, say=log.add, state_file=state_file, beside=(periodic,), on_frame=log.add)
    log.know(host.nodes)
    host.start()
    EcuWindow(host, log=log, periodic=periodic, bus=bus, starts=starts).run()
