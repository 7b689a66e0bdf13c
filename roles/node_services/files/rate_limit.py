"""Limits on how often somebody is listened to, and the log of those who were refused."""

from __future__ import annotations

from node_words import encoded

#: Refusals logged at once, and per second from then on, all addresses together.
_REFUSALS, _REFUSALS_PER_S = 20, 0.2
#: Seconds until the refusal of the same address is logged again.
_ADDRESS_S = 60.0
#: Addresses remembered; more are forgotten, oldest first.
_KEYS_MAX = 4096


class TokenBuckets:
    """A token bucket for each key: a burst is let through, then so many per second.

    Args:
        burst: how many pass at once.
        per_second: how many pass per second in the long run.
        keys_max: most keys remembered; beyond that the one seen first starts anew.
    """

    def __init__(self, burst: int, per_second: float, keys_max: int = _KEYS_MAX) -> None:
        self._burst = float(burst)
        self._per_second = per_second
        self._keys_max = keys_max
        self._levels: dict[str, tuple[float, float]] = {}

    def allow(self, key: str, now: float) -> bool:
        """Take a token.

        Args:
            key: whose.
            now: seconds on a clock that never goes back.

        Returns:
            Whether there was one.
        """
        level, then = self._levels.get(key, (self._burst, now))
        level = min(self._burst, level + (now - then) * self._per_second)
        allowed = level >= 1
        if key not in self._levels and len(self._levels) >= self._keys_max:
            del self._levels[next(iter(self._levels))]
        self._levels[key] = (level - 1 if allowed else level, now)
        return allowed


class RefusedError(ValueError):
    """A datagram that is refused.

    Attributes:
        why: one word.
        words: what else there is to say, values by name.
    """

    def __init__(self, why: str, **words: str) -> None:
        super().__init__(why)
        self.why = why
        self.words = words


class RefusalLog:
    """Lines ``refused ADDRESS WHY [NAME=VALUE...] [unlogged=N]``, and not too many of them."""

    def __init__(self) -> None:
        self._all = TokenBuckets(_REFUSALS, _REFUSALS_PER_S)
        self._one = TokenBuckets(1, 1 / _ADDRESS_S)
        self._unlogged = 0

    def line(self, address: str, refused: RefusedError, now: float) -> str | None:
        """The line to log, or ``None`` when it would be one too many.

        Args:
            address: who was refused.
            refused: why.
            now: seconds on a clock that never goes back.
        """
        if not (self._one.allow(address, now) and self._all.allow("", now)):
            self._unlogged += 1
            return None
        words = dict(refused.words)
        if self._unlogged:
            words["unlogged"] = str(self._unlogged)
        self._unlogged = 0
        return " ".join(
            ["refused", address, refused.why, *(f"{name}={encoded(words[name])}" for name in words)]
        )
