"""
Do the links between the pages of a built documentation, and those to places within a page, lead
somewhere? Without a network::

    python docs/links.py OUTPUT

Exit status: 0 when all do, 1 when one does not.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """
    @ivar anchors: the places in it that can be linked to.
    @ivar links: what it links to and shows.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """
        See L{HTMLParser.handle_starttag}.
        """
        attributes = dict(attrs)
        self.anchors |= {attributes.get("id"), attributes.get("name")} - {None}
        self.links |= {attributes.get("href"), attributes.get("src")} - {None}


def broken(root: Path) -> list[str]:
    """
    @return: a line for each link that leads nowhere.
    """
    pages = {path.resolve(): Page(path) for path in sorted(root.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path.parent.joinpath(unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if not target.exists():
                found.append(f"{path.relative_to(root)}: {link}: there is no such file")
            elif anchor and target in pages and anchor not in pages[target].anchors:
                found.append(f"{path.relative_to(root)}: {link}: there is no such place")
    return found


if __name__ == "__main__":
    lines = broken(Path(sys.argv[1]).resolve())
    print(*lines, sep="\n", end="\n" if lines else "")
    sys.exit(1 if lines else 0)
