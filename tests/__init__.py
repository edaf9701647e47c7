import os
import sys

if os.path.basename(str(getattr(sys.modules["__main__"], "__file__", ""))) == "workertrial.py":
    # A worker of "trial -j" has its parent's sys.path in the environment. Programs that a test
    # starts, other virtual environments among them, are to do without, as they do without -j.
    os.environ.pop("PYTHONPATH", None)

if os.environ.get("TXJMAPACCESS_LOGS"):
    from tests.support.leaks import watch

    watch()
