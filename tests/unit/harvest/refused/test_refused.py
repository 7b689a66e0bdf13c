from __future__ import annotations

import pytest
from facts_of_files import facts

from picluster.errors import PiclusterError

KINDS = {
    "> pshow\nPort | Name       |Status\n   1 |  Pi #1 |   OFF|\n": "power outlets",
    "curl http://10.0.0.9/cmd.cgi?rly=0\n": "power outlets",
    "$A0,10101,2.50,25\n": "power outlets",
    'PUT /api/s/default/rest/device/7\n{"outlet_overrides": []}\n': "power outlets",
    "$ vcgencmd get_throttled\nthrottled=0x50005\n": "throttling state",
    "temp=39.7'C\n": "throttling state",
    "[    4.052708] IP-Config: Complete:\n": "console of one board",
    "Raspberry Pi Bootcode\n\nInitialise ethernet with MAC b8:27:eb:00:00:01\n": "console",
    "rpc.mountd: Received NULL request from 10.2.3.4\n": "no MAC addresses",
    "[18:17:13.056] TFTP:....2.0 KB,...60.5 KB/s, 10.10.1.41, config.txt\n": "TFTP transfers",
    'lease {\n  interface "eth0";\n  fixed-address 10.0.0.5;\n}\n': "no MAC address",
}


@pytest.mark.parametrize("text", KINDS)
def test_kinds_without_boards_are_refused_by_name(text: str) -> None:
    with pytest.raises(PiclusterError, match=KINDS[text]) as error:
        facts(text)
    assert error.value.problems[0].remedy.startswith("give ")
    assert error.value.problems[0].file == "f"
