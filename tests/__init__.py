import os

if os.environ.get("TXJMAPACCESS_LOGS"):
    from tests.support_leaks import watch

    watch()
