# -*- test-case-name: tests -*-
"""
C{twistd jmapaccess}: options and configuration, where it listens, what a new connection is met
with, and the service that puts it all together (L{txjmapaccess.twistd.service}).
"""
