"""
The realms of txjmapaccess: declarations only.
"""

from txjmapaccess.twistd.realms import MaildirRealmFactory, PythonRealmFactory

maildirRealm = MaildirRealmFactory()
pythonRealm = PythonRealmFactory()
