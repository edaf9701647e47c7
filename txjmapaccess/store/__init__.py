"""
What works on any mail store (L{twisted.mail.interfaces.IAccountIMAP}): opening and closing
mailboxes, reading messages, listing, names, message sets, object identifiers.
"""
