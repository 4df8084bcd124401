"""Prove how an ECU is observed beyond its bus: consoles, memory and images, of nodes and through commands."""

import shlex
import sys
from pathlib import Path

import can
import pytest

from harness.errors import Inconclusive, LinkError
from harness.target import Observe
from harness.tester.observe import images, memory_in_use, watched_console

from .bench import Bench, ScriptedEcu, bare

PYTHON = sys.executable


class Talkative(ScriptedEcu):
    image = b"\x7fELF and more"

    def on_frame(self, message: can.Message) -> None:
        print("key 12 34")
        super().on_frame(message)


def bench(node: ScriptedEcu | None = None, **observe: str) -> Bench:
    return Bench(node or Talkative({"3E 00": "7E 00"}), target=bare(observe=Observe(**observe)))


def test_the_console_of_a_simulated_node_is_seen() -> None:
    one = bench()
    with watched_console(one.tester) as console:
        one.tester.request(b"\x3e\x00")
    assert console.content == b"key 12 34\n"


def test_a_log_is_shown_at_the_end(tmp_path: Path) -> None:
    log = tmp_path / "ecu.log"
    log.write_bytes(b"boot\n")
    show = f"command: {PYTHON} -c \"print(open('{log}').read())\""
    with watched_console(bench(console=show).tester) as console:
        log.write_bytes(b"boot\nkey 12 34\n")
    assert b"key 12 34" in console.content


def test_a_command_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    said = tmp_path / "said"
    follow = f"command: sh -c 'echo seed 55; touch {said}; exec sleep 1000'"
    with watched_console(bench(console=follow).tester) as console:
        while not said.exists():
            pass
    assert console.content == b"seed 55\n"


def test_a_command_that_is_none_is_a_fault_of_the_harness() -> None:
    with (
        pytest.raises(LinkError, match="no-such-program"),
        watched_console(bench(console="command: no-such-program").tester),
    ):
        pass


def test_memory_is_the_first_number_printed() -> None:
    assert memory_in_use(bench(memory=f"command: {PYTHON} -c \"print('VmRSS: 1234 kB')\"").tester) == 1234.0
    assert memory_in_use(bench().tester) is None
    with pytest.raises(LinkError, match="no number"):
        memory_in_use(bench(memory=f"command: {PYTHON} -c pass").tester)


def test_a_simulated_node_shows_its_image_and_another_has_none() -> None:
    assert list(images(bench().tester)) == [("the simulated ECU's image", b"\x7fELF and more")]
    with pytest.raises(Inconclusive, match="image"):
        list(images(bench(ScriptedEcu()).tester))


def test_an_image_is_a_file_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "key").write_bytes(b"one")
    (tmp_path / "app.bin").write_bytes(b"two")
    assert list(images(bench(image=str(tmp_path / "app.bin")).tester)) == [("app.bin", b"two")]
    assert sorted(images(bench(image=str(tmp_path)).tester)) == [("app.bin", b"two"), ("key", b"one")]
    with pytest.raises(LinkError, match="there is no file"):
        list(images(bench(image=str(tmp_path / "none")).tester))


@pytest.mark.parametrize("given", [["--pw", "HIDE-ME"], ["--pw=HIDE-ME"], ["user=a&pw=HIDE-ME"]])
@pytest.mark.parametrize("ending", ["sys.exit('refused: ' + sys.argv[-1][-7:])", "print(sys.argv[-1][-7:])"])
def test_a_command_that_tells_its_arguments_puts_them_into_no_message(given: list[str], ending: str) -> None:
    words = shlex.join([PYTHON, "-c", f"import sys; {ending}", *given])
    with pytest.raises(LinkError) as caught:
        memory_in_use(bench(memory=f"command: {words}").tester)
    assert "HIDE-ME" not in str(caught.value)
