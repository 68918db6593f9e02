"""Writes what the tests of brinery-python2 read; run by a real Python 2.7: python2.7 write_python2.py
python2.json"""

import base64
import cPickle
import datetime
import json
import pickle
import sets
import StringIO
import sys
import urllib
from email.MIMEText import MIMEText

written = StringIO.StringIO()
written.write("abc")
written.write("def")
written.seek(2)
objects = {
    "set": sets.Set([1, 2]),
    "io": written,
    "datetime": datetime.datetime(2016, 2, 3, 4, 5, 6, 234567),
    "date": datetime.date(2200, 12, 31),
    "time": datetime.time(23, 59, 58, 200),
    "mail": MIMEText("hello"),
    "function": urllib.quote,
}
found = {}
for name, value in objects.items():
    found[name] = [base64.b64encode(module.dumps(value, protocol)) for module in (pickle, cPickle) for protocol in (0, 1, 2)]
with open(sys.argv[1], "w") as file:
    json.dump(found, file, indent=0, sort_keys=True)
