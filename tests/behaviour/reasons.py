"""Which behaviours mean nothing where entries leave the process, and why. All others are tested in every place."""

IDENTITY = "what leaves the process comes back as another object"
IDLE = "entries outside the process do not end for want of use: idle is refused"
READS = "a store outside the process notes no reads"
WEIGHT = "outside the process an entry weighs what its bytes weigh: a sizer is refused"
EVENTS = "the end of an entry is a matter of the store, which any process may bring about: it is no event"
WINDOW = "a record says when its stale copy ends, which an invalidation before its time does not bring forward"
NATIVE = "what no serializer writes cannot leave the process"
CLOSING = "closing leaves the entries where they are"
EXACT = "a record keeps times as seconds since 1970, to some tenths of a microsecond"
LONG = "a key outside the process has at most 1 MiB"
NEAR_LIMITS = "the limits of a tiered cache are the near store's, and far there is everything"
NO_LIMITS = "a store of the user's own limits itself: limits are refused"
KEPT = "statistics of a store on files count what it keeps, stale copies among it"
ENDINGS = "a store of the user's own does not count what has ended"

ELSEWHERE = {
    "test_what_is_set_is_got": IDENTITY,
    "test_without_copies_it_is_the_very_object": IDENTITY,
    "test_a_shallow_copy_shares_what_it_holds": IDENTITY,
    "test_copying_can_be_turned_on_and_off": IDENTITY,
    "test_an_entry_tells_what_is_known": READS,
    "test_a_switch_keeps_every_entry_and_all_that_is_known_of_it": READS,
    "test_an_idle_entry_ends_and_one_that_is_read_stays": IDLE,
    "test_looking_does_not_keep_an_idle_entry": IDLE,
    "test_use_prolongs_idleness_but_not_the_ttl": IDLE,
    "test_a_default_idle": IDLE,
    "test_a_load_takes_the_options_of_set": IDLE,
    "test_purge_expired_removes_what_was_not_used": IDLE,
    "test_a_soft_invalidation_keeps_the_stale_copy_and_a_hard_one_does_not": WINDOW,
    "test_a_sizer_says_what_an_entry_weighs": WEIGHT,
    "test_a_sizer_sees_keys_as_users_do_when_nothing_is_limited": WEIGHT,
    "test_a_sizer_returns_bytes": WEIGHT,
    "test_a_sizer_that_raises_is_the_callers_error": WEIGHT,
    "test_what_is_heavier_than_the_whole_cache_is_not_kept_and_evicts_nothing": WEIGHT,
    "test_counting_keeps_within_the_limit": WEIGHT,
    "test_without_a_limit_in_bytes_the_sizes_are_known_all_the_same": WEIGHT,
    "test_a_value_that_cannot_be_weighed_is_kept_all_the_same": NATIVE,
    "test_what_has_ended_goes_while_the_cache_is_used": NATIVE,
    "test_a_value_that_cannot_be_copied_is_the_callers_error": NATIVE,
    "test_closing_drops_the_entries_and_may_be_repeated": CLOSING,
    "test_every_kind_is_told": EVENTS,
    "test_the_invalidated_are_told_of_as_expired": EVENTS,
    "test_an_entry_ends_with_its_ttl_to_the_nanosecond": EXACT,
    "test_huge_keys": LONG,
}
"""What means nothing wherever entries leave the process."""

LIMITS = {
    "test_a_cache_never_holds_more_than_its_limit",
    "test_a_limit_of_one",
    "test_what_may_not_go_stays_to_the_last",
    "test_low_priority_goes_first",
    "test_bytes_are_limited",
    "test_what_was_just_written_is_there",
    "test_limits_change_on_a_live_cache",
    "test_a_failed_configure_changes_nothing",
    "test_a_switch_may_bring_limits",
}
"""What only the cache that holds the entries can be held to."""

COUNTED = {"test_a_tag_on_very_many_entries_goes_at_once"}
"""What needs a store that counts for itself."""

EXACTLY = {"test_what_is_kept_past_its_ttl_is_not_counted"}
"""What needs a look at every entry: a store on files counts what it keeps, stale copies among it."""

STORES = {"store", "awaited", "tiered-store", "redis", "tiered-redis", "cluster"}
LISTED = {"store", "awaited", "tiered-store"}
TIERS = {"tiered", "behind", "tiered-store", "tiered-redis"}


def reason(test: str, place: str) -> str | None:
    """Why a test does not apply in a place; None where it does."""
    if place == "memory":
        return None
    if test in LIMITS and place in TIERS:
        return NEAR_LIMITS
    if test in LIMITS and place in STORES:
        return NO_LIMITS
    if test in EXACTLY and place not in LISTED:
        return KEPT
    if test in COUNTED and place in STORES:
        return ENDINGS
    return ELSEWHERE.get(test)


def named() -> set[str]:
    """Every test that some reason is about."""
    return {*ELSEWHERE, *LIMITS, *COUNTED, *EXACTLY}
