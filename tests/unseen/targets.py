"""The target files of the crane and the loom: everything that is true of every one of them."""

import re

CRANE = """
[target]
name = "crane"
environment = "simulated"
notes = "Level 03 is in sessions 03 and 02, level 09 in 02 only. What is unlocked belongs to the connection of the key."

[can]
interface = "uds-sim"
channel = "@CHANNEL@"
request_id = 0x6A2
response_id = 0x6A3
functional_id = 0x6DF
padding = 0xAA

[timing]
p2_ms = 50
p2_star_ms = 5000
s3_ms = 5000

[[connection]]
request_id = 0x6A8
response_id = 0x6A9

[[session]]
id = 0x01
[[session]]
id = 0x03
[[session]]
id = 0x02
via = 0x03

[[security]]
level = 0x03
session = 0x03
attempts = 3
delay_s = 10
key = "@KEY@"
[[security]]
level = 0x09
session = 0x02
attempts = 3
delay_s = 10
key = "@KEY@"

[[data]]
did = 0x3101
length = 2
read = "open"
write = "open"
[[data]]
did = 0x3102
length = 3
read = "open"
write = "level 0x03"
[[data]]
did = 0x3103
length = 6
read = "open"
write = "level 0x09"
[[data]]
did = 0x3104
length = 5
read = "level 0x03"
write = "level 0x03"
[[data]]
did = 0x3105
length = 8
read = "level 0x09"
write = "never"
[[data]]
did = 0xF18C
length = 9
read = "open"
write = "never"
[[data]]
did = 0xF186
length = 1
read = "open"
write = "never"
volatile = true

[[service]]
id = 0x11
needs = "open"
[[service]]
id = 0x14
needs = "open"
[[service]]
id = 0x19
needs = "level 0x03"
[[service]]
id = 0x28
needs = "level 0x03"
[[service]]
id = 0x2C
needs = "open"
[[service]]
id = 0x85
needs = "level 0x03"

[[routine]]
id = 0x0211
needs = "level 0x03"
safe = true
[[routine]]
id = 0x0212
needs = "open"
safe = true
[[routine]]
id = 0xFF00
needs = "level 0x09"

[[memory]]
range = "0x20000000..0x2000007F"
needs = "open"
[[memory]]
range = "0x20000080..0x200000FF"
needs = "level 0x09"

[reset]
uds = 0x01
boot_s = 0.25
power = "simulated"

[safety]
allow = ["lockout", "write", "reset", "power", "functional", "destructive"]
"""

LOOM = """
[target]
name = "loom"
environment = "simulated"
notes = "Level 11 is in sessions 03 and 60. DIDs F201 and F202 are the periodic ones."

[can]
interface = "uds-sim"
channel = "@CHANNEL@"
request_id = 0x1CF0A1B2
response_id = 0x1CF0B2A1
functional_id = 0x1CF0FFB2
padding = 0xFF

[timing]
p2_ms = 50
p2_star_ms = 5000
s3_ms = 5000

[[session]]
id = 0x01
[[session]]
id = 0x03
[[session]]
id = 0x60
[[session]]
id = 0x41
via = 0x03

[[security]]
level = 0x11
session = 0x03
attempts = 4
delay_s = 8
key = "@KEY@"

[[data]]
did = 0x0701
length = 1
read = "open"
write = "open"
[[data]]
did = 0x0702
length = 4
read = "open"
write = "level 0x11"
[[data]]
did = 0x0703
length = 7
read = "level 0x11"
write = "level 0x11"
[[data]]
did = 0x0704
length = 2
read = "open"
write = "never"
[[data]]
did = 0xF195
length = 5
read = "open"
write = "never"
[[data]]
did = 0xF186
length = 1
read = "open"
write = "never"
volatile = true
[[data]]
did = 0xF201
length = 2
read = "open"
write = "never"
[[data]]
did = 0xF202
length = 3
read = "level 0x11"
write = "never"

[[service]]
id = 0x11
needs = "open"
[[service]]
id = 0x2A
needs = "open"
[[service]]
id = 0x2F
needs = "level 0x11"
[[service]]
id = 0x34
needs = "level 0x11"
[[service]]
id = 0x35
needs = "level 0x11"
[[service]]
id = 0x38
needs = "level 0x11"
[[service]]
id = 0x83
needs = "open"
[[service]]
id = 0x87
needs = "level 0x11"

[[routine]]
id = 0x0500
needs = "open"
safe = true
[[routine]]
id = 0x0501
needs = "level 0x11"
safe = true

[[memory]]
range = "0x00400000..0x004003FF"
needs = "level 0x11"

[reset]
uds = 0x01
boot_s = 0.4
power = "simulated"

[safety]
allow = ["lockout", "write", "reset", "power", "functional", "destructive"]
"""


def changed(target: str, **settings: str) -> str:
    """The same target with other values for some keys, wherever they stand."""
    for name, value in settings.items():
        target, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", target)
        assert count, f"the target has no {name}"
    return target
