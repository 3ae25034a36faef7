"""Keys and links survive people, mails and slips of the pen."""

import random

import pytest

from shared.protocol.keys import (
    Address,
    BadKey,
    BadLink,
    Card,
    from_base32,
    key_bytes,
    key_id,
    read_address,
    read_link,
    to_base32,
    write_link,
    z85_key,
)

NOW_MS = 1_795_000_000_000
AGENT = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"  # the example of the CURVE documentation
SECRET = z85_key(bytes(range(32)))


def an_invite(host: str = "shop.example") -> Card:
    return Card(
        address=Address(host, 7460),
        agent_key=AGENT,
        name="Shop & Söhne + 1 %",
        secret=SECRET,
        expires_ms=NOW_MS + 900_000,
    )


def test_z85_is_that_of_the_standard() -> None:
    raw = bytes.fromhex("864fd26fb559f75b") * 4

    assert z85_key(raw) == "HelloWorld" * 4
    assert key_bytes("HelloWorld" * 4) == raw


def test_a_key_goes_through_base32_and_back() -> None:
    dice = random.Random(1)  # noqa: S311 - reproducible, not secret
    for _ in range(200):
        key = z85_key(dice.randbytes(32))

        text = to_base32(key)

        assert len(text) == 52
        assert from_base32(text) == key
        assert from_base32(f" {text[:20].lower()}-{text[20:]}\n") == key


@pytest.mark.parametrize("text", ["", "A" * 51, "A" * 53, "1" * 52, "é" * 52])
def test_what_is_no_key_in_base32_is_refused(text: str) -> None:
    with pytest.raises(BadKey):
        from_base32(text)


@pytest.mark.parametrize("text", ["", "a" * 39, "é" * 40, "#" * 40, " " * 40])
def test_what_is_no_key_in_z85_is_refused(text: str) -> None:
    with pytest.raises(BadKey):
        key_bytes(text)


def test_a_key_id_is_sixteen_hex_digits_of_the_public_key() -> None:
    assert key_id(SECRET) == "630dcd2966c4336691125448bbb25b4f"[:16]
    assert key_id(AGENT) != key_id(SECRET)


@pytest.mark.parametrize("host", ["shop.example", "127.0.0.1", "::1", "fe80::12:34"])
def test_an_invite_comes_out_as_it_went_in(host: str) -> None:
    card = an_invite(host)

    assert read_link(write_link(card), NOW_MS) == card


def test_an_address_card_is_the_link_without_a_secret() -> None:
    card = Card(address=Address("shop", 7460), agent_key=AGENT, name="shop")
    link = write_link(card)

    assert "i=" not in link
    assert not read_link(link, NOW_MS).is_invite
    assert read_link(link, NOW_MS) == card


def test_line_breaks_of_a_mail_are_forgiven() -> None:
    link = write_link(an_invite())

    assert read_link(f"  {link[:60]}\r\n  {link[60:]}\n", NOW_MS) == an_invite()


def test_a_host_in_capitals_is_the_same_host() -> None:
    link = write_link(Card(address=Address("Shop-1", 7460), agent_key=AGENT))

    assert read_link(link, NOW_MS).address == Address("shop-1", 7460)


def test_any_changed_letter_is_found() -> None:
    link = write_link(an_invite())
    dice = random.Random(2)  # noqa: S311 - reproducible, not secret
    for place in range(len("smartcron://"), len(link)):
        letter = dice.choice([choice for choice in "ABCXYZ267" if choice != link[place].upper()])
        changed = link[:place] + letter + link[place + 1 :]

        with pytest.raises(BadLink):
            read_link(changed, NOW_MS)


def test_a_changed_key_is_called_damage() -> None:
    link = write_link(an_invite())
    at = link.index("a=") + 2
    changed = link[:at] + ("B" if link[at] != "B" else "C") + link[at + 1 :]

    with pytest.raises(BadLink, match=r"checksum is wrong.*copy it again"):
        read_link(changed, NOW_MS)


@pytest.mark.parametrize("length", range(12, 200, 7))
def test_a_link_cut_off_is_refused(length: int) -> None:
    link = write_link(an_invite())

    with pytest.raises(BadLink):
        read_link(link[:length], NOW_MS)


def test_an_expired_invite_says_when_it_ended() -> None:
    link = write_link(an_invite())
    last_ms = NOW_MS + 900_000

    assert read_link(link, last_ms - 1).is_invite
    with pytest.raises(BadLink, match=r"^expired on 2026-11-18 at 11:21 UTC"):
        read_link(link, last_ms)


@pytest.mark.parametrize("text", ["", "http://shop/?a=1", "hello", "smartcron:", "a" * 5_000])
def test_another_text_is_told_how_a_link_begins(text: str) -> None:
    with pytest.raises(BadLink, match="one begins with smartcron://"):
        read_link(text, NOW_MS)


def test_a_card_does_not_show_its_secret() -> None:
    shown = repr(an_invite())

    assert SECRET not in shown
    assert to_base32(SECRET) not in shown


@pytest.mark.parametrize(
    ("text", "address", "endpoint"),
    [
        ("server", Address("server", 7460), "tcp://server:7460"),
        (" server:9 ", Address("server", 9), "tcp://server:9"),
        ("::1", Address("::1", 7460), "tcp://[::1]:7460"),
        ("[::1]:9", Address("::1", 9), "tcp://[::1]:9"),
        ("10.0.0.7:7460", Address("10.0.0.7", 7460), "tcp://10.0.0.7:7460"),
    ],
)
def test_an_address_is_read_as_people_write_it(text: str, address: Address, endpoint: str) -> None:
    assert read_address(text) == address
    assert address.endpoint == endpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":7460",
        "host:port",
        "host:99999",
        "a b",
        "user@host",
        "host/path",
        "[::1",
        "h:0",
        "*:1",
        "a;b",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadLink, match="server:7460"):
        read_address(text)
