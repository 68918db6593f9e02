"""Run by Python 2.7: load pickles, say what came out, and write them back.

One pickle in hexadecimal per line of standard input; for each, and for each of `pickle` and `cPickle`, one
line of JSON on standard output: the repr of what was loaded, and in hexadecimal the same object pickled
again at protocol 2. Where loading fails there is "error" instead.
"""

from __future__ import print_function

import binascii
import cPickle
import json
import pickle
import sys

for line in sys.stdin:
    for module in (pickle, cPickle):
        try:
            loaded = module.loads(binascii.unhexlify(line.strip()))
            answer = {"repr": repr(loaded), "again": binascii.hexlify(module.dumps(loaded, 2)).decode()}
        except Exception as error:
            answer = {"error": "%s: %s" % (module.__name__, error)}
        print(json.dumps(answer))
