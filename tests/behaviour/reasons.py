"""Which behaviours mean nothing where entries leave the process, and why."""

ELSEWHERE: dict[str, str] = {}


def reason(test: str, name: str, place: str) -> str | None:
    """Why a test does not apply in a place; None where it does."""
    if place == "memory":
        return None
    return ELSEWHERE.get(test)
