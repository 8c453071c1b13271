"""The dashboard for Grafana is one, and asks for metrics and labels that there are."""

import json
import re
from pathlib import Path

import promql_parser
import pytest

from omnicache import Cache
from omnicache._metrics import METRICS, families, readings

BOARD = json.loads((Path(__file__).parents[2] / "docs" / "grafana.json").read_text(encoding="utf-8"))
PANELS = BOARD["panels"]
VARIABLES = {variable["name"] for variable in BOARD["templating"]["list"]}
# What Prometheus adds to every sample that it scrapes.
SCRAPED = {"instance", "job"}


def expressions():
    return [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]


def selectors(expression):
    """The metrics that an expression names, each with the labels that it selects by, as a parser of PromQL sees it."""
    found = []

    def visit(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.append((node.name, {matcher.name for matcher in node.matchers.matchers}))

    promql_parser.walk(promql_parser.parse(expression.replace("$__rate_interval", "5m")), visit)
    return found


@pytest.fixture(scope="module")
def told():
    """The labels of every metric that a cache with all limits has."""
    with Cache("drawn", max_size=1, max_bytes=1000) as cache:
        return {family.name: set(family.samples[0][0]) for family in families(readings([cache]))}


@pytest.mark.parametrize(("title", "expression"), expressions())
def test_expressions_are_valid_and_their_metrics_exist(told, title, expression):
    found = selectors(expression)
    assert found
    for name, labels in found:
        assert name in told
        assert labels <= told[name]
    grouped = {
        label for text in re.findall(r"\b(?:by|on|group_left) \(([^)]*)\)", expression) for label in text.split(", ")
    }
    assert grouped <= set().union(*(told[name] for name, _ in found)) | SCRAPED
    # A counter is looked at by its growth, a gauge by its value.
    for name in re.findall(r"rate\((\w+)", expression):
        assert name.endswith("_total")
    assert len(re.findall(r"\w+_total", expression)) == len(re.findall(r"rate\(\w+_total", expression))


@pytest.mark.parametrize(("title", "legend"), [(p["title"], t["legendFormat"]) for p in PANELS for t in p["targets"]])
def test_legends_name_labels_that_there_are(told, title, legend):
    assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= set().union(*told.values())


def test_every_metric_is_drawn():
    text = " ".join(expression for _, expression in expressions())
    assert [metric.prometheus for metric in METRICS if metric.prometheus not in text] == [
        "omnicache_last_reset_timestamp_seconds"
    ]


def test_variables_are_defined():
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(BOARD))) - {"__rate_interval", "__all"}
    assert used == VARIABLES


def test_panels_have_a_place_of_their_own():
    taken = set()
    for panel in PANELS:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert all(panel["title"] and panel["description"] for panel in PANELS)
