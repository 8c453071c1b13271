"""Builds the documentation: the guide's pages and the API reference, as HTML files that need no server."""

import re
import shutil
import sys
from pathlib import Path

import markdown2
import pdoc

import omnicache

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs"
ORDER = [
    *("index", "caches", "functions", "freshness", "keys", "backends", "redis", "reliability", "serializers"),
    *("strategies", "async", "http", "fastapi", "configuration", "cli", "admin", "dashboard", "observability"),
    *("testing", "design"),
]
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - OmniCache</title>
<link rel="stylesheet" href="style.css">
<nav>{links}</nav>
<main>
{body}
</main>
</html>
"""
STYLE = """
:root { color-scheme: light dark; font: 17px/1.6 system-ui, sans-serif; }
body { margin: 0 auto; padding: 1rem; max-width: 46rem; }
nav { display: flex; flex-wrap: wrap; gap: 0 1rem; padding-bottom: .5rem; border-bottom: 1px solid #8886; }
nav [aria-current] { font-weight: 600; }
pre { overflow-x: auto; padding: .8rem 1rem; border-radius: .4rem; background: #8881; }
code { font: .9em/1.5 ui-monospace, monospace; }
table { border-collapse: collapse; } th, td { padding: .3rem .8rem; border: 1px solid #8886; text-align: left; }
"""


def title_of(text: str) -> str:
    """The first heading of a page."""
    return text.partition("\n")[0].removeprefix("# ")


def navigation(titles: dict[str, str], current: str) -> str:
    """Links to every page and to the API reference."""
    links = [
        f'<a href="{name}.html"{" aria-current=page" if name == current else ""}>{title}</a>'
        for name, title in titles.items()
    ]
    return " ".join([*links, '<a href="api/omnicache.html">API</a>'])


def gather() -> dict[str, type]:
    """The public classes, each with the methods that it has from the private classes below it.

    How a class is put together is nothing a reader should have to know; pdoc would only name what is inherited.
    """
    public = {name: found for name in omnicache.__all__ if isinstance(found := getattr(omnicache, name), type)}
    for found in public.values():
        for base in found.__mro__[1:]:
            if base.__module__.startswith("omnicache"):
                for name, member in vars(base).items():
                    if not name.startswith("_") and name not in vars(found):
                        setattr(found, name, member)
    return public


def check(page: Path, public: dict[str, type]) -> None:
    """Stops if the reference lacks a public method."""
    html = page.read_text(encoding="utf-8")
    names = [f"{owner}.{name}" for owner, found in public.items() for name in vars(found) if not name.startswith("_")]
    if missing := [name for name in names if f'id="{name}"' not in html]:
        sys.exit(f"error: {page}: these are not described: {', '.join(missing)}")


def build(site: Path) -> None:
    """Write the site afresh."""
    pages = {name: (GUIDE / f"{name}.md").read_text(encoding="utf-8") for name in ORDER}
    if forgotten := {path.stem for path in GUIDE.glob("*.md")} - pages.keys():
        sys.exit(f"error: give these pages a place in ORDER of {Path(__file__).name}: {', '.join(sorted(forgotten))}")
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    titles = {name: title_of(text) for name, text in pages.items()}
    for name, text in pages.items():
        html = markdown2.markdown(text, extras=["fenced-code-blocks", "tables", "header-ids", "code-friendly"])
        html = re.sub(r'href="(\w+)\.md', r'href="\1.html', html)
        page = PAGE.format(title=titles[name], links=navigation(titles, name), body=html)
        (site / f"{name}.html").write_text(page, encoding="utf-8")
    for beside in (*GUIDE.glob("*.svg"), *GUIDE.glob("*.png"), *GUIDE.glob("*.json")):
        shutil.copy(beside, site)
    (site / "style.css").write_text(
        STYLE + (Path(pdoc.__file__).parent / "templates" / "syntax-highlighting.css").read_text()
    )
    pdoc.render.configure(docformat="google", footer_text="OmniCache")
    public = gather()
    pdoc.pdoc("omnicache", "omnicache.serializers", output_directory=site / "api")
    check(site / "api" / "omnicache.html", public)
    print(f"open {site / 'index.html'}")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
