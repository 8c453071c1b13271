"""The API is what its document says, for whatever the document allows and for what it does not."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from omnicache.admin import Access
from omnicache.admin._app import Admin
from omnicache.admin._openapi import document
from omnicache.admin._rest import routes
from tests.admin.conftest import service_in
from tests.admin.test_remote import listening

OPERATIONS = [f"{method.upper()} {path}" for path, methods in document()["paths"].items() for method in methods]
# Where a schema cannot say all: which settings go together, what comes after json: and key:, which cursors there were.
UNSAID = {
    "POST /cache",
    "POST /cache/{name}/entries",
    "GET /cache/{name}/entries",
    "GET /cache/{name}/entries/{key}",
    "DELETE /cache/{name}/entries/{key}",
    "GET /cache/{name}/why",
    "DELETE /cache/{name}/entries/bulk",
}
CONFIG = schemathesis.Config.from_dict(
    {"checks": {"negative_data_rejection": {"expected-statuses": [400, 404, 405, 409, 414, 415]}}}
)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The document of a server that has a cache; what is asked of it goes over real connections."""
    with (
        service_in("files", tmp_path_factory.mktemp("registry")) as service,
        listening(Admin(service, Access(local=True))) as address,
    ):
        yield service, schemathesis.openapi.from_url(f"{address}/openapi.json", config=CONFIG)


def test_the_document_has_every_route():
    from omnicache._manage.service import Service

    with Service() as service:
        told = {
            f"{method} {route.path.replace(':path', '')}"
            for route in routes(service, 1000)
            for method in (route.methods or set()) - {"HEAD"}
        }
    assert told - set(OPERATIONS) == {"GET /openapi.json"}
    assert set(OPERATIONS) <= told


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_asked_is_answered_as_documented(schema: Any, operation: str, mode: GenerationMode):
    if mode is GenerationMode.NEGATIVE and operation == "GET /metrics":
        pytest.skip("it takes nothing that could be wrong")
    service, described = schema
    method, path = operation.split()
    strategy = described[path][method].as_strategy(generation_mode=mode)

    @settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    @given(strategy)
    def asks(case: Any) -> None:
        present = {view.name for view in service.caches()}
        if "there" not in present:
            service.create({"name": "there"})
        if "name" in case.path_parameters and len(case.path_parameters["name"]) % 2:
            case.path_parameters["name"] = "there"  # else nearly every answer is 404
        excluded = [positive_data_acceptance] if operation in UNSAID else []
        case.call_and_validate(excluded_checks=excluded, timeout=20)

    asks()
    for view in service.caches():
        service.delete(view.ref)
