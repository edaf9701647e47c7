"""
The commands of IMAP: one module for each command or family.
"""
