# -*- test-case-name: tests.integration.test_check_command -*-
"""
C{python -m txjmapaccess}, which is C{txjmapaccess}.
"""

from txjmapaccess.check.command import main

if __name__ == "__main__":
    main()
