# -*- test-case-name: tests.imap -*-
"""
The commands of IMAP, a module for each command or family of commands.
"""
