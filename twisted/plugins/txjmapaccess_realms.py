"""
The realms of txjmapaccess: declarations only.
"""

from txjmapaccess.realms import MaildirRealmFactory, PythonRealmFactory

maildirRealm = MaildirRealmFactory()
pythonRealm = PythonRealmFactory()
