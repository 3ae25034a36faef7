"""Who hands a message over by the channel that it is for, and was it taken?"""

from collections.abc import Mapping, Sequence

from agent.channels.chat import hand_over_chat
from agent.channels.mail import NotDelivered, Receipt, as_message, hand_over
from agent.postbox import Channel, Mail
from agent.rules import delivery
from agent.store.outbox import Message


class Hands:
    """Knows each channel, and the secrets that it takes."""

    def __init__(
        self,
        *,
        mail: Mail,
        password: str | None,
        channels: Sequence[Channel],
        secrets: Mapping[str, str],
    ) -> None:
        self._mail = mail
        self._password = password
        self._channels = {one.name: one for one in channels}
        self._secrets = secrets

    async def give(self, message: Message) -> Receipt:
        """Let its recipients have it; raises NotDelivered."""
        if message.channel != delivery.MAIL:
            channel = self._channels.get(message.channel)
            if channel is None:
                gone = f"settings.toml has no channel {message.channel!r} any more"
                raise NotDelivered(gone, is_for_good=True)
            return await hand_over_chat(
                channel, self._secrets, subject=message.subject, plain=message.plain
            )
        if not self._mail.is_on:
            raise NotDelivered("settings.toml has no [mail] any more", is_for_good=True)
        return await hand_over(
            self._mail,
            self._password,
            as_message(
                self._mail,
                message_id=message.id,
                thread=message.thread,
                subject=message.subject,
                plain=message.plain,
                html=message.html,
                at_ms=message.created_ms,
                recipients=message.recipients,
                # Some mail clients take drawings out of what they show; a browser shows them.
                attach=f"{message.thread}.html" if message.severity == delivery.REPORT else "",
            ),
            message.recipients,
        )
