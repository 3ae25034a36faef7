"""How is a message handed to a chat or a pager, and was it taken?"""

import asyncio
import logging
import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

from agent.channels.mail import NotDelivered, Receipt
from agent.errors import WrongUse
from agent.postbox import Channel

INSTALL: Final = 'pip install "smart-cron[chat]"'
MOST_CHARS: Final = 2_000
_CODE: Final = re.compile(r"error=([0-9]{3})", re.ASCII)


def check_channel(channel: Channel, secrets: Mapping[str, str]) -> None:
    """Refuse a channel that cannot work; raises WrongUse, which never names its URL."""
    if fault := _fault(channel, secrets):
        raise WrongUse(f"channels.{channel.name}: {fault}")


async def hand_over_chat(
    channel: Channel, secrets: Mapping[str, str], *, subject: str, plain: str
) -> Receipt:
    """Let the service have it, within the time of the settings; raises NotDelivered."""
    try:
        async with asyncio.timeout(channel.timeout_s):
            # It has an own limit of time for each call, so no thread stays for long.
            cause = await asyncio.to_thread(_tell, channel, secrets, subject, plain[:MOST_CHARS])
    except TimeoutError:
        cause = f"it did not take it within {channel.timeout_s} s"
    if cause:
        raise NotDelivered(f"channel {channel.name}: {cause}")
    return Receipt(answer="taken")


def _tell(channel: Channel, secrets: Mapping[str, str], subject: str, plain: str) -> str:
    """Why it was not taken, without the URL; empty when it was."""
    try:
        return _fault(channel, secrets) or _send(secrets[channel.secret], subject, plain)
    except Exception as error:  # noqa: BLE001 - a fault in strangers' code must not end the agent
        return f"Apprise failed ({type(error).__name__})"


def _fault(channel: Channel, secrets: Mapping[str, str]) -> str:
    if find_spec("apprise") is None:
        return f"needs what `{INSTALL}` installs"
    url = secrets.get(channel.secret)
    if url is None:
        return f"secrets.toml has no {channel.secret!r}, which is to be its URL"
    # Only here: it takes half a second and much memory, which agents without chat are spared.
    import apprise

    if not apprise.Apprise().add(url):
        return f"what secrets.toml has as {channel.secret!r} is no URL that Apprise knows"
    return ""


def _send(url: str, subject: str, plain: str) -> str:
    import apprise

    log = logging.getLogger("apprise")
    heard = _Heard()
    log.addHandler(heard)
    log.propagate = False
    service = apprise.Apprise()
    service.add(url)
    try:
        if service.notify(title=subject, body=plain, body_format=apprise.NotifyFormat.TEXT):
            return ""
    finally:
        log.removeHandler(heard)
    return f"the service answered {heard.code}" if heard.code else "the service did not take it"


class _Heard(logging.Handler):
    """What Apprise logs may hold the URL: of that only the number of an HTTP answer is kept."""

    code = ""

    def emit(self, record: logging.LogRecord) -> None:
        found = _CODE.search(record.getMessage())
        if found:
            self.code = found[1]
