import os

if os.environ.get("TXJMAPACCESS_LOGS"):
    from tests.support.leaks import watch

    watch()
