# -*- coding: utf-8 -*-
"""Writes the small corpus of old pickles that the tests of brinery-science read: run by old Pythons with old
libraries.

    python2.7 -m pip install --target old27 numpy==1.16.6 pandas==0.24.2 Pillow==6.2.2
    PYTHONPATH=old27 python2.7 write_old.py python-2.7.json
    python3.7 -m pip install numpy==1.16.6 pandas==0.24.2 scikit-learn==0.20.4 scipy==1.2.3 networkx==1.11 \
        sympy==1.4 attrs==16.3.0
    python3.7 write_old.py python-3.7.json

For each object there is what it is, in plain JSON, as the old library said it, and its pickles of protocols
0, 1 and 2 in base64. ``described`` is run by the old library when they are written, and by today's when they
are read.
"""
from __future__ import absolute_import, print_function

import base64
import json
import pickle
import sys

POINTS = [[0.0, 1.0], [1.0, 0.5], [2.0, 3.0], [3.0, 2.0], [4.0, 0.0], [5.0, 4.0]]
CLASSES = [0, 1, 2, 0, 1, 2]
TEXTS = ["the cat sat", "the dog ate", "no cat"]


def numbers(values):
    """Nested lists of numbers, or of text."""
    import numpy

    return json.loads(json.dumps(numpy.asarray(values).tolist()))


def described(kind, obj):
    """What `obj` is, in types that JSON has."""
    if kind in ("array", "matrix", "text-array", "dtype-scalar"):
        return numbers(obj)
    if kind == "dtype-aligned":
        return [bool(obj.isalignedstruct), obj.itemsize, list(obj.names)]
    if kind in ("frame", "series", "index", "index-dates", "categorical"):
        return [str(value) for value in obj.values.ravel()] if hasattr(obj, "values") else [str(v) for v in obj]
    if kind.startswith("timestamp"):
        return [obj.isoformat(), None if obj.utcoffset() is None else obj.utcoffset().total_seconds()]
    if kind.startswith("offset"):
        import datetime

        return (datetime.datetime(2016, 1, 31, 10) + obj).isoformat()
    if kind == "image":
        return [list(obj.size), obj.mode, obj.tobytes().hex() if hasattr(b"", "hex") else obj.tobytes().encode("hex")]
    if kind == "graph":
        return [sorted(map(str, obj.nodes())), sorted(str(sorted(edge)) for edge in obj.edges())]
    if kind.startswith("sympy"):
        return str(obj)
    if kind == "slots":
        return [obj.first, obj.second]
    if kind == "tree":
        return [numbers(obj.query(POINTS[:2], k=2)[1])]
    if kind == "tfidf":
        return numbers(obj.transform(TEXTS).todense())
    if kind == "sparse":
        return numbers(obj.todense())
    if kind == "spline":
        return numbers(obj([0.5, 1.5, 2.5]))
    said = [numbers(obj.predict(POINTS))]
    if hasattr(obj, "predict_proba"):
        said.append(numbers(obj.predict_proba(POINTS)))
    return said


def of_numpy():
    import numpy

    yield "array", numpy.arange(6.0).reshape(2, 3)
    yield "matrix", numpy.matrix([[1, 255], [3, 4]])
    yield "text-array", numpy.array([u"café", u"x"])
    yield "dtype-scalar", numpy.float32(200.5)
    yield "dtype-aligned", numpy.dtype([("a", "i1"), ("b", "f8")], align=True)


def of_pandas():
    import pandas

    days = pandas.date_range("2016-01-30", periods=3, freq="D", tz="Europe/Paris")
    yield "frame", pandas.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5], "c": ["x", "y", None]})
    yield "series", pandas.Series([1.5, 2.5], index=["a", "b"])
    yield "index", pandas.Index([3, 1, 2])
    yield "index-dates", days
    yield "timestamp", pandas.Timestamp("2016-02-03 04:05:06")
    yield "timestamp-zone", days[1]
    yield "offset-month", pandas.offsets.MonthEnd()
    yield "offset-business", pandas.offsets.CustomBusinessDay()
    yield "offset-months", pandas.DateOffset(months=2)
    yield "categorical", pandas.Categorical(["a", "b", "a"], ordered=True)


def of_pillow():
    from PIL import Image

    yield "image", Image.frombytes("L", (2, 2), b"\x00\x7f\x80\xff")
    yield "image", Image.frombytes("L", (2, 1), b"AB")


def of_networkx():
    import networkx

    graph = networkx.Graph()
    graph.add_edge("a", "b", weight=3)
    graph.add_node("c")
    yield "graph", graph


def of_sympy():
    import sympy

    x = sympy.Symbol("x")
    yield "sympy-expression", x**2 / 2 + 1
    yield "sympy-digits", sympy.Float("1.23456789012345678901234567890")
    yield "sympy-matrix", sympy.SparseMatrix(2, 2, {(0, 1): x})


def of_scipy():
    from scipy import interpolate, sparse

    yield "spline", interpolate.CubicSpline([0, 1, 2, 3], [0, 1, 4, 9])
    yield "sparse", sparse.dok_matrix(([[0, 1.5], [2.0, 0]]))


def of_sklearn():
    import numpy
    from sklearn import ensemble, feature_extraction, linear_model, naive_bayes, neighbors, preprocessing, svm, tree

    x, y = numpy.array(POINTS), numpy.array(CLASSES)
    yield "classifier", tree.DecisionTreeClassifier(max_depth=2, random_state=0).fit(x, y)
    yield "classifier", ensemble.RandomForestClassifier(n_estimators=3, random_state=0).fit(x, y)
    yield "classifier", ensemble.AdaBoostClassifier(n_estimators=3, random_state=0).fit(x, y)
    yield "classifier", linear_model.LogisticRegression(solver="liblinear", multi_class="ovr").fit(x, y)
    yield "classifier", naive_bayes.GaussianNB().fit(x, y)
    yield "regressor", svm.SVR(gamma=0.5).fit(x, y)
    yield "regressor", ensemble.GradientBoostingRegressor(n_estimators=3, random_state=0).fit(x, y)
    yield "classifier", ensemble.GradientBoostingClassifier(n_estimators=3, random_state=0).fit(x, y)
    yield "tfidf", feature_extraction.text.TfidfVectorizer().fit(TEXTS)
    yield "tree", neighbors.KDTree(x)


def of_attrs():
    import old_classes

    yield "slots", old_classes.Slots(1, "two")


def main(into):
    objects = []
    for family in (of_numpy, of_pandas, of_pillow, of_networkx, of_sympy, of_scipy, of_sklearn, of_attrs):
        try:
            made = list(family())
        except ImportError:
            continue
        for kind, obj in made:
            protocols = (2,) if kind in ("slots", "spline") else (0, 1, 2)  # these have slots
            pickles = [base64.b64encode(pickle.dumps(obj, protocol)).decode("ascii") for protocol in protocols]
            entry = {"library": family.__name__[3:], "kind": kind, "class": type(obj).__name__}
            entry["value"], entry["pickles"] = described(kind, obj), pickles
            objects.append(entry)
    with open(into, "w") as file:
        json.dump(objects, file, indent=0, sort_keys=True)


if __name__ == "__main__":
    main(sys.argv[1])
