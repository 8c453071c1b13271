"""How long to measure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """What every group is given."""

    quick: bool = False

    @property
    def length(self) -> int:
        """Operations in one round of one contestant."""
        return 20_000 if self.quick else 200_000

    @property
    def rounds(self) -> int:
        """Rounds, of which the fastest counts."""
        return 3 if self.quick else 9

    @property
    def sizes(self) -> tuple[int, ...]:
        """Entries in the caches: one that stays in the processor's caches, one that does not."""
        return (1_000,) if self.quick else (1_000, 100_000)
