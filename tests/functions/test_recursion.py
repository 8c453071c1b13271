"""A cached function that calls itself."""

from omnicache import cached
from tests.support import in_child


@in_child
def test_a_recursion_may_be_a_few_hundred_calls_deep():
    @cached(maxsize=None)
    def depth(n: int) -> int:
        return 0 if n == 0 else 1 + depth(n - 1)

    assert depth(300) == 300
    assert depth.cache_info()[:2] == (0, 301)
