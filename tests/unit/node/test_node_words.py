import re

import pytest

from tests.unit.node.shells import Place


@pytest.mark.parametrize(
    ("cmdline", "value"),
    [
        ("", "50%"),
        ("quiet picluster.upper=200M ro", "200M"),
        ("picluster.upper=1 picluster.upper=2", "2"),
        ("picluster.upper=", ""),
        ("picluster.uppermost=1 xpicluster.upper=2", "50%"),
        ("picluster.upper=/* picluster.other=*", "/*"),
    ],
)
def test_an_option_is_the_last_word_of_its_name(place: Place, cmdline: str, value: str) -> None:
    place.boot_with(cmdline)
    assert place.init("option picluster.upper 50%").stdout == value + "\n"


@pytest.mark.parametrize(
    ("word", "value"),
    [("90", 90), ("0", 0), ("000", 0), ("010", 10), ("-1", 60), ("1m", 60), ("99999999", 60)],
)
def test_a_number_is_one_or_the_default(place: Place, word: str, value: int) -> None:
    place.boot_with(f"picluster.panic={word}")
    assert place.init("number_option picluster.panic 60").stdout == f"{value}\n"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("172.20.0.10", True),
        ("10.0.0.0", True),
        ("255.255.255.255", True),
        ("172.20.0", False),
        ("172.20.0.10.1", False),
        ("172.20.0.256", False),
        ("172.20.0.010", False),
        ("172.20..10", False),
        (".1.2.3", False),
        ("1.2.3.", False),
        ("1.2.3.4;reboot", False),
        ("", False),
    ],
)
def test_only_a_dotted_quad_is_an_address(place: Place, text: str, *, good: bool) -> None:
    assert (place.init(f"is_address '{text}'").returncode == 0) is good


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("pi-1-1", True),
        ("pi-1-1.lan", True),
        ("a" * 253, True),
        ("a" * 254, False),
        ("-pi", False),
        ("pi-", False),
        ("pi..lan", False),
        ("pi_1", False),
        ("$(reboot)", False),
        ("", False),
    ],
)
def test_only_a_host_name_is_a_name(place: Place, text: str, *, good: bool) -> None:
    assert (place.init(f"is_name '{text}'").returncode == 0) is good


def test_text_for_a_message_is_one_printable_word(place: Place) -> None:
    text = "no such file: /srv/a b\n100 % = \x1b[31m"
    done = place.init('encoded "$TEXT"', TEXT=text)
    assert done.stdout == "no%20such%20file:%20/srv/a%20b%20100%20%25%20%3D%20%5B31m\n"


def test_long_text_for_a_message_is_cut(place: Place) -> None:
    assert place.init('encoded "$TEXT"', TEXT="x" * 300).stdout == "x" * 100 + "\n"


def test_a_machine_id_is_the_boards_own_and_stays(place: Place) -> None:
    script = "machine_id b8:27:eb:00:00:01; machine_id b8:27:eb:00:00:02; "
    first, second, third = place.init(script + "machine_id b8:27:eb:00:00:01").stdout.split()
    assert re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}a[0-9a-f]{15}", first)
    assert first == third != second


def test_time_since_the_start_has_one_decimal(place: Place) -> None:
    place.uptime.write_text("3.09 1.00\n")
    assert place.init("uptime_s; seconds").stdout == "3.0\n3\n"
