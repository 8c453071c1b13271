"""The libraries of others are imported by the integrations that need them, and by nothing else."""

import pytest

from tests.support import in_child


@in_child
def test_only_the_integration_imports_it():
    import sys

    import omnicache.prometheus

    with omnicache.Cache("alone") as cache:
        cache.get_or_set("a", lambda: 1)
        assert omnicache.prometheus.metrics_text([cache])
    assert not [name for name in sys.modules if name.partition(".")[0] in {"opentelemetry", "prometheus_client"}]


@in_child
def test_without_the_library_it_says_how_to_get_it():
    import sys

    for library in ("opentelemetry", "prometheus_client"):
        sys.modules[library] = None
    for module, extra in (("opentelemetry", "otel"), ("prometheus", "prometheus")):
        with pytest.raises(ImportError, match=f"extra '{extra}'"):
            __import__(f"omnicache.integrations.{module}")
