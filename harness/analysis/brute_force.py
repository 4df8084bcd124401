"""Compute how long guessing a key would take under a measured limit."""

_UNITS = (("years", 365.25 * 86400), ("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))


def keys_per_second(*, tries: int, seconds_per_try: float, pause_s: float) -> float:
    """Return how many keys a second an attacker tries if a pause (a delay or a restart) follows every `tries` guesses."""
    return tries / (tries * seconds_per_try + pause_s)


def mean_time_s(key_bits: int, keys_per_s: float, *, is_seed_fixed: bool = False) -> float:
    """Return the average time in seconds until a guess is right.

    With a new seed each time, all guesses are independent of each other; against one fixed seed no key need be tried twice,
    which halves the time.
    """
    return 2.0**key_bits / keys_per_s / (2 if is_seed_fixed else 1)


def in_words(seconds: float) -> str:
    """Write a time in the largest unit of which there is at least one, to two digits."""
    unit, length_s = next((one for one in _UNITS if seconds >= one[1]), _UNITS[-1])
    count = seconds / length_s
    if count >= 1000:
        return f"{count:.1e} {unit}"
    return f"{count:.0f} {unit}" if count >= 10 else f"{count:.1f} {unit}"
