"""Prove that a spreadsheet's rows become entries of a target file, or that one clear line says why not."""

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.target import load_text
from harness.target.table import entries_from_table

BASE = (
    '[can]\ninterface = "uds-sim"\nchannel = "hardened"\nrequest_id = 0x740\nresponse_id = 0x748\n[timing]\ns3_ms = 5000\n\n'
)


def table(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_rows_become_identifiers_and_levels(tmp_path: Path, separator: str) -> None:
    rows = [
        ["DID", "length", "read", "write", "values", "volatile", "level", "session", "attempts", "delay_s"],
        ["0x2020", "1", "open", "level 0x01", "00..7F", "no", "", "", "", ""],
        ["0X2021", "", "", "", "", "yes", "", "", "", ""],
        ["", "", "", "", "", "", "0x01", "0x03", "3", "10"],
        ["", "", "", "", "", "", "", "", "", ""],
    ]
    path = table(tmp_path, "\n".join(separator.join(row) for row in rows), "utf-8-sig")
    target = load_text(BASE + entries_from_table(path), "with table")
    assert [(entry.did, entry.length, str(entry.write), entry.volatile) for entry in target.data] == [
        (0x2020, 1, "level 0x01", False),
        (0x2021, None, "never", True),
    ]
    assert [(entry.level, entry.session, entry.attempts, entry.delay_s) for entry in target.security] == [(1, 3, 3, 10.0)]
    assert {entry.origin for entry in (*target.data, *target.security)} == {"declared"}


def test_two_hundred_rows(tmp_path: Path) -> None:
    rows = "\n".join(f"0x{did:04X},{did % 7 + 1},open" for did in range(0x100, 0x1C8))
    target = load_text(BASE + entries_from_table(table(tmp_path, "did,length,read\n" + rows)), "with table")
    assert len(target.data) == 200


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no rows"),
        ("did\n", "holds no rows"),
        ("did,colour\n0x1010,red\n", 'column "colour" is unknown; columns are did, length'),
        ("did,did\n1,2\n", "column did is there twice"),
        ("did,length\n0x1010,one\n", "row 2: length is 'one'; write a number"),
        ("level,session\n-1,3\n", "row 2: level is '-1'; write a number"),
        ("level,session\n1,-0x03\n", "row 2: session is '-0x03'; write a number"),
        ("level,attempts\n1,-3\n", "row 2: attempts is '-3'; write a number"),
        ("did,length\n0x1010,-1\n", "row 2: length is '-1'; write a number"),
        ("did,length\n0xsome,1\n", "row 2: did is '0xsome'; write a number"),
        ("did,length\nF190,1\n", "row 2: did is 'F190'; write it in hex with 0x"),
        ("did,length\n2020,1\n", "row 2: did is '2020'; write it in hex with 0x"),
        ('did,read\n0x1010,"open\n[safety]\nallow = 1"\n', "row 2: read holds a line's end"),
        ("level,key\n0x01,k\x1b.py:f\n", "row 2: key holds a line's end or a control character"),
        ("did,volatile\n0x1010,perhaps\n", "row 2: volatile is 'perhaps'; write yes or no"),
        ("did,level\n0x1010,1\n", "row 2: give a did or a level, and not both"),
        ("length\n1\n", "row 2: give a did or a level, and not both"),
        ("level,write\n1,open\n", "row 2: write is nothing that a level has"),
        ("did,length\n0x1010,1,2\n", "row 2 has 3 cells, and there are 2 columns"),
        ('did\n"0x1010\n', "is no CSV"),
    ],
)
def test_a_mistake_is_named_with_row_and_column(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        entries_from_table(table(tmp_path, text))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        entries_from_table(tmp_path / "missing.csv")
    with pytest.raises(UserError, match="not text in UTF-8"):
        entries_from_table(table(tmp_path, "did\nü\n", "latin-1"))


def test_no_more_is_read_than_a_table_may_hold() -> None:
    with pytest.raises(UserError, match="larger than 8 MiB"):
        entries_from_table(Path("/dev/zero"))
