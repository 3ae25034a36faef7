"""Why something did not happen, in a sentence that says what to do."""

from typing import Final

from desktop.network.pending import Failure

_SENTENCES: Final[dict[str, str]] = {
    "bad_frame": "The agent did not understand the message. Update the older of the two programs.",
    "bad_request": "The agent did not accept this: {message}",
    "too_large": "This is more than can be sent at once: {message}.",
    "unknown_type": "This agent is older than the desktop and cannot do this. Update the agent.",
    "unsupported_version": "Agent and desktop speak different versions. Update the older one.",
    "hello_required": "The link was being renewed. Try again.",
    "revoked": "This desktop's key was removed. Ask who runs the server for a new invite.",
    "forbidden": "Needs the {needs} role. Ask who runs the server.",
    "disabled": "This is switched off on the agent. Who runs the server can switch it on.",
    "rate_limited": "That was too much at once. Try again in a moment.",
    "busy": "The agent cannot do this now: {message}.",
    "expired": "The order came too late and was not carried out. Give it again.",
    "not_found": "The agent does not know this any more. Press F5 to see what there is.",
    "gone": "This was removed, as its time to be kept is over.",
    "conflict": "Not now: {message}",
    "op_conflict": "The agent holds another order of the same number. Give it again.",
    "bad_cursor": "The list changed. Load it again.",
    "outcome_unknown": "It is not known whether this was carried out. Look at the run list.",
    "internal": "Something failed inside the agent; its log tells more ({message}).",
    "stopping": "The agent is stopping. Try again when it is back.",
    "offline": "The agent cannot be reached now; nothing was sent. Try again when it is back.",
    "timeout": "The agent did not answer in time. Try again.",
    "auth_refused": "The agent does not know this desktop. Ask who runs the server for an invite.",
    "key_mismatch": "The key is not the one you were given. Ask who runs the server.",
    "cancelled": "This was called off.",
}


def in_words(failure: Failure) -> str:
    """The sentence for a failure; the code alone decides it, the agent's words only add."""
    sentence = _SENTENCES.get(failure.code)
    if sentence is None:
        return f"The agent refused: {failure.message or failure.code}"
    needs = str(failure.detail.get("needs") or "operator")
    return sentence.format(message=failure.message or "no reason given", needs=needs)


_LINK_SENTENCES: Final[dict[str, str]] = {
    "auth_refused": (
        "{name} does not know this desktop: it is not enrolled there, or its key was removed. "
        "Ask who runs the server for an invite."
    ),
    "revoked": ("{name} has removed this desktop's key. Ask who runs the server for a new invite."),
    "forbidden": "{name} does not let this key in. Ask who runs the server for a new invite.",
    "key_mismatch": (
        "What answers in the place of {name} does not hold the key you were given: the agent's "
        "key was changed, or it is another program. Ask who runs the server."
    ),
    "not_an_agent": ("What answers in the place of {name} is not an agent. Check host and port."),
    "unsupported_version": (
        "{name} and this desktop speak different versions. Update the older of the two."
    ),
    "unreachable": (
        "{name} cannot be reached. Is the agent running, and is the network or the tunnel up? "
        "The desktop keeps trying."
    ),
    "silent": (
        "{name} is connected but does not answer: its scheduler may stand still. "
        "Look at the server."
    ),
    "events_blocked": (
        "Events of {name} do not arrive, so the desktop asks every 2 seconds instead. "
        "Open the events port to have changes at once."
    ),
}


def link_in_words(state: str, reason: str, found: str, name: str) -> str:
    """What is the matter with a link; `found` is what the name's resolution said."""
    if found and reason in ("", "unreachable") and state != "live":
        return found
    sentence = _LINK_SENTENCES.get(reason, "")
    if not sentence and state in ("late", "lost"):
        sentence = "No heartbeat of {name} came for a while. The desktop keeps listening."
    return sentence.format(name=name)
