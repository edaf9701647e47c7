"""
Sphinx builds the guides from Markdown; pydoctor builds the API reference below C{docs/api}::

    sphinx-build -W --keep-going -n -c docs . OUTPUT

The source is the whole project, so that pages can refer to the README. Nothing is fetched:
L{inventory} says which names of others there are.
"""

import re
import sys
import tempfile
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_PACKAGE = _HERE.parent / "txjmapaccess"
sys.path.insert(0, str(_HERE))

import inventory  # noqa: E402

project = "txjmapaccess"
author = "the authors of txjmapaccess"
copyright = "the authors of txjmapaccess"
release = version = re.search(r'"(.+)"', (_PACKAGE / "_version.py").read_text())[1]

extensions = ["myst_parser", "pydoctor.sphinx_ext.build_apidocs"]
root_doc = "docs/index"
include_patterns = ["README.md", "CONTRIBUTING.md", "docs/**"]
# So that nobody looks for pages there.
exclude_patterns = ["tests", "benchmarks", "examples", ".*", "_trial_temp*", "build", "dist"]
nitpicky = True
myst_heading_anchors = 4

html_theme = "alabaster"
html_theme_options = {
    "description": "JMAPACCESS (RFC 9698) for IMAP servers built on Twisted",
    "page_width": "70em",
    "fixed_sidebar": True,
}
html_show_copyright = False
html_copy_source = False

_inventories = tempfile.TemporaryDirectory()
pydoctor_args = [
    f"--project-name={project}",
    f"--project-version={version}",
    "--project-url=../index.html",
    f"--project-base-dir={_HERE.parent}",
    "--docformat=epytext",
    "--html-output={outdir}/docs/api",
    *(f"--intersphinx-file={it}" for it in inventory.write(_PACKAGE, Path(_inventories.name))),
    str(_PACKAGE),
]


def setup(app):
    """
    What both tools need to be told.
    """
    # Both register directives when they are imported, and Sphinx has to be the first.
    from pydoctor.extensions import zopeinterface
    from pygments.lexers.special import TextLexer

    # pydoctor takes for interfaces only those that it reads.
    zopeinterface.interface_prog = re.compile(
        zopeinterface.interface_prog.pattern + r"|twisted\.cred\.credentials\.ICredentials"
    )
    for language in ("imap", "haproxy"):
        app.add_lexer(language, TextLexer)
