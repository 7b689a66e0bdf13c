import pytest
from hypothesis import given
from hypothesis import strategies as st

from picluster.cluster.ports import canonical_port, expand_ports, front_number, same_port


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("1-4", "1 2 3 4"),
        ("1-7/2,2-8/2", "1 3 5 7 2 4 6 8"),
        ("0/1-0/3", "0/1 0/2 0/3"),
        ("lan1-lan3, lan9", "lan1 lan2 lan3 lan9"),
        ("0/1-3", "0/1 0/2 0/3"),
        ("0/1-0/5/2", "0/1 0/3 0/5"),
        ("ge-0/0/1-ge-0/0/2", "ge-0/0/1 ge-0/0/2"),
        ("A1-A2", "A1 A2"),
        ("lan-1", "lan-1"),
        ("1:24", "1:24"),
        ("Gi1/0/1-Gi1/0/2", "Gi1/0/1 Gi1/0/2"),
    ],
)
def test_expanded(text: str, ports: str) -> None:
    assert expand_ports(text) == tuple(ports.split())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a port or range of ports: ''"),
        ("1-", "not a port or range of ports: '1-'"),
        ("a", "not a port or range of ports: 'a'"),
        ("1-4;reboot", "not a port or range of ports: '1-4;reboot'"),
        ("0/1-1/3", "not a port or range of ports: '0/1-1/3'"),
        ("4-1", "a range that runs backwards or too far: '4-1'"),
        ("1-4/0", "a range that runs backwards or too far: '1-4/0'"),
        ("1-4,3-5", "ports named twice: 3, 4"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is compared whole
        expand_ports(text)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("7", "7", True),
        ("7", "0/7", True),
        ("7", "g7", True),
        ("7", "port7", True),
        ("7", "Port 7", True),
        ("Gi0/7", "GigabitEthernet0/7", True),
        ("gi0/7", "7", True),
        ("7", "17", False),
        ("7", "1/0/7", False),
        ("1/0/7", "2/0/7", False),
        ("g7", "0/7", False),
        ("7", "07", False),
        ("7", "", False),
    ],
)
def test_same_port(one: str, other: str, same: bool) -> None:
    assert same_port(one, other) is same
    assert same_port(other, one) is same


@given(st.text(alphabet="0123456789/abcg: -", max_size=8))
def test_a_name_is_the_same_as_itself_and_as_its_canonical_form(name: str) -> None:
    assert same_port(name, canonical_port(name))
    number = front_number(name)
    if number is not None:
        assert same_port(name, number)
