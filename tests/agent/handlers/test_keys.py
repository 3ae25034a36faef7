"""Does an invite become a key, and a revoked key nothing?"""

import secrets
from functools import partial
from typing import Any

import msgspec

from agent.store import clients, ops
from agent.wire.keyfiles import new_pair, pair_of
from shared.protocol.keys import read_link, to_base32
from shared.protocol.requests import (
    CommandReply,
    Enroll,
    EnrollReply,
    InviteCreate,
    InviteReply,
    KeyList,
    KeyListReply,
    KeyRevoke,
    Ping,
    Pong,
)
from tests.agent.wire.door import CLOCK, Door, client_row


def given() -> dict[str, Any]:
    return {"op": secrets.token_hex(16), "expires_ms": CLOCK.now_ms() + 60_000}


async def test_a_link_made_by_an_admin_lets_one_more_key_in(door: Door) -> None:
    admin = await door.welcome("admin", label="Ada")

    invite = await admin.get(InviteCreate(role="operator", label="Otto", **given()), InviteReply)
    card = read_link(invite.text, CLOCK.now_ms())
    assert card.secret is not None
    guest = door.guest(pair_of(card.secret), server_key=card.agent_key)
    await guest.hello()
    mine = new_pair()
    enrolled = await guest.get(Enroll(pub=to_base32(mine.public), label="Otto"), EnrollReply)

    own = door.guest(mine)
    assert (await own.hello()).key_id == enrolled.key_id
    known = await admin.get(KeyList(), KeyListReply)
    assert [(key.label, key.role) for key in known.keys] == [
        ("Ada", "admin"),
        ("Otto", "operator"),
    ]


async def test_an_invites_secret_is_shown_once_and_kept_nowhere(door: Door) -> None:
    admin = await door.welcome("admin")
    request = InviteCreate(label="Otto", **given())

    first = await admin.get(request, InviteReply)
    again = await admin.get(request, InviteReply)

    assert (again.invite_id, again.text, again.replayed) == (first.invite_id, "", True)
    stored = await door.database.read(partial(ops.get, op=request.op))
    assert stored is not None
    secret = read_link(first.text, CLOCK.now_ms()).secret
    assert secret is not None
    files = b"".join(path.read_bytes() for path in door.folder.iterdir() if path.is_file())
    assert first.invite_id.encode() in files
    assert secret.encode() not in files
    assert to_base32(secret).encode() not in files


async def test_the_last_admin_cannot_be_shut_out(door: Door) -> None:
    admin = await door.welcome("admin")
    key = (await admin.hello()).key_id

    assert await admin.refusal(KeyRevoke(key_id=key, **given())) == "conflict"
    await admin.get(Ping(), Pong)


async def test_a_revoked_key_stays_out_after_everything_is_read_anew(door: Door) -> None:
    admin, viewer = await door.welcome("admin"), await door.welcome("viewer")
    key = (await viewer.hello()).key_id

    await admin.get(KeyRevoke(key_id=key, **given()), CommandReply)
    await door._reload()

    assert await viewer.refusal(Ping()) == "revoked"
    known = await door.database.read(clients.load_all)
    assert [client.enabled for client in known if client.key_id == key] == [False]


async def test_a_key_nobody_knows_cannot_be_revoked(door: Door) -> None:
    admin = await door.welcome("admin")

    assert await admin.refusal(KeyRevoke(key_id="0" * 16, **given())) == "not_found"


async def test_a_demoted_key_may_do_less_from_the_next_request_on(door: Door) -> None:
    await door.welcome("admin", label="other")
    guest = await door.welcome("admin")
    key = (await guest.hello()).key_id
    await guest.get(KeyList(), KeyListReply)

    await door.database.write(partial(clients.change, key_id=key, role="viewer"))
    await door._reload()

    assert await guest.refusal(KeyList()) == "forbidden"
    await guest.get(Ping(), Pong)


async def test_a_key_that_is_none_is_refused(door: Door) -> None:
    pair = new_pair()
    door.clients.put(client_row("invite", pair, grants="viewer"))
    guest = door.guest(pair)
    await guest.hello()

    # No invite of this key is stored: whoever put it into memory alone gets nothing.
    request = Enroll(pub=to_base32(new_pair().public), label="x")

    assert await guest.refusal(request) == "not_found"
    body = msgspec.to_builtins(request) | {"role": "admin"}
    await guest.socket.send_multipart(
        [msgspec.msgpack.encode([1, "enroll", 9]), msgspec.msgpack.encode(body)]
    )
    reply, _ = await guest.answer(9, request)
    assert getattr(reply, "code", "") == "bad_request"
