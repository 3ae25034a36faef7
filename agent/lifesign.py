"""Does a watch service far away know that this agent lives, while it really does its work?"""

import asyncio
import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from agent.clock import Clock
from agent.errors import AgentError
from agent.log import log_of
from agent.postbox import DeadMan, url_fault
from agent.recorder import Recorder
from agent.troubles import Trouble

log = log_of(__name__)

KEY: Final = "dead_man_silent"
STUCK_MS: Final = 90_000
_NAME: Final = "Smart Cron"


class Lifesign:
    """Pings while there is nothing that keeps the agent from its work, so that silence tells."""

    def __init__(
        self,
        *,
        clock: Clock,
        recorder: Recorder,
        dead_man: DeadMan,
        url: str,
        hindrance: Callable[[], str],
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._dead_man = dead_man
        self._url = url
        self._hindrance = hindrance
        self._missed = 0
        self._may_be_told = True  # an earlier agent may have said so

    async def run(self) -> None:
        """Ping every so often, for ever."""
        while True:
            try:
                await self.ping()
            except AgentError as error:
                log.error("that a ping failed is not recorded", cause=str(error))
            await self._clock.sleep_ms(self._dead_man.every_seconds * 1000)

    async def ping(self) -> None:
        """Ping now, unless the agent does not do its work: then the service is to notice that."""
        if hindrance := self._hindrance():
            log.error("no sign of life is given", cause=hindrance)
            return
        try:
            async with asyncio.timeout(self._dead_man.timeout_s):
                cause = await asyncio.to_thread(ask, self._url, self._dead_man)
        except TimeoutError:
            cause = f"no answer within {self._dead_man.timeout_s} s"
        if not cause:
            self._missed = 0
            if self._may_be_told:
                await self._recorder.resolve(KEY)
                self._may_be_told = False
            return
        self._missed += 1
        log.error("the watch service did not take a sign of life", cause=cause)
        if self._missed >= self._dead_man.misses:
            self._may_be_told = True
            await self._recorder.alert(
                Trouble(
                    dedupe_key=KEY,
                    kind=KEY,
                    severity="high",
                    title="The watch service is not told that the agent lives",
                    message=f"{self._missed} pings in a row failed: {cause}",
                )
            )


def hindrance(
    *, takes_writes: bool, oldest_write_ms: int, first_due_ms: int | None, now_ms: int
) -> str:
    """What keeps the agent from its work although it lives; empty when there is nothing."""
    if not takes_writes:
        return "the database takes no writes"
    if oldest_write_ms > STUCK_MS:
        return f"a write waits for the database since {oldest_write_ms // 1000} s"
    if first_due_ms is not None and now_ms - first_due_ms > STUCK_MS:
        return f"a moment that was due {(now_ms - first_due_ms) // 1000} s ago is not decided"
    return ""


def ask(url: str, dead_man: DeadMan) -> str:
    """Why the service did not take the ping, without its URL; empty when it did."""
    if dead_man.url_secret and not url:
        return f"dead_man.url_secret = {dead_man.url_secret!r}: secrets.toml has no such name"
    if fault := url_fault(url, dead_man):
        return f"its URL {fault}"
    request = urllib.request.Request(  # noqa: S310 - `url_fault` lets http and https through alone
        url,
        method=dead_man.method,
        data=b"" if dead_man.method == "POST" else None,
        headers={"User-Agent": _NAME},
    )
    opener = urllib.request.build_opener(
        _NoDetour, urllib.request.HTTPSHandler(context=ssl.create_default_context())
    )
    try:
        with opener.open(request, timeout=dead_man.timeout_s) as answer:
            status: int = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    except (OSError, ValueError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        return f"{type(cause).__name__}: {_words(cause)}"
    except http.client.HTTPException as error:
        return f"no sound answer ({type(error).__name__})"
    return "" if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES else f"it answered {status}"


def _words(cause: object) -> str:
    """What went wrong; nothing that could hold the URL."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return "no answer" if isinstance(cause, TimeoutError) else "it failed"


class _NoDetour(urllib.request.HTTPRedirectHandler):
    """A service that sends elsewhere is not asked there: that may be in the open, or nobody."""

    def redirect_request(self, *_args: object, **_more: object) -> None:
        return None
