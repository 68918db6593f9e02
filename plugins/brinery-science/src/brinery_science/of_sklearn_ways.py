"""Estimators that predict by a formula that scikit-learn no longer has: each as a subclass that has it
still.

They are made when such a state turns up. Each is cloned as the class of scikit-learn, and fitted anew it is
one again. It is written as what it is: who reads it has to have this plugin, and is not given other numbers
where it is missing.
"""

from __future__ import annotations

import functools
from typing import Any

__all__ = ["again", "becomes"]

#: Where an instance says which way is its own.
MARK = "_brinery_way"


def becomes(instance: Any, way: str) -> None:
    """Give `instance` the class that has this way."""
    vars(instance)[MARK] = way
    cls: Any = type(instance)
    instance.__class__ = _WAYS[way](cls)


def again(way: str, base: Any) -> Any:
    """What pickles of such an estimator call: one without a state, of the class `base` with that way."""
    cls = _WAYS[way](base)
    return cls.__new__(cls)


def _written(self: Any, protocol: Any) -> Any:
    return again, (vars(self)[MARK], type(self).__mro__[1]), self.__getstate__()


def _cloned(self: Any) -> Any:
    base = type(self).__mro__[1]
    return base(**self.get_params(deep=False))


def _fitted(self: Any, *args: Any, **named: Any) -> Any:
    base = type(self).__mro__[1]
    vars(self).pop(MARK, None)
    self.__class__ = base
    return self.fit(*args, **named)


def _like(base: Any, methods: dict[str, Any]) -> Any:
    named = {
        **methods,
        "fit": functools.wraps(base.fit)(_fitted),
        "__reduce_ex__": _written,
        "__module__": base.__module__,
        "__doc__": base.__doc__,
        "__sklearn_clone__": _cloned,
    }
    return type(base)(base.__name__, (base,), named)


@functools.cache
def of_the_one_against_the_rest(base: Any) -> Any:
    """`base`, with a ``predict_proba`` of one logistic function for each class, made to sum to one."""
    import numpy as np
    from scipy.special import expit

    def predict_proba(self: Any, X: Any) -> Any:
        odds = expit(self.decision_function(X))
        if odds.ndim == 1:
            return np.column_stack([1 - odds, odds])
        return odds / odds.sum(axis=1, keepdims=True)

    def predict_log_proba(self: Any, X: Any) -> Any:
        return np.log(self.predict_proba(X))

    return _like(base, {"predict_proba": predict_proba, "predict_log_proba": predict_log_proba})


@functools.cache
def of_samme_r(base: Any) -> Any:
    """`base`, an AdaBoostClassifier, with the decision of SAMME.R: by the probabilities of its estimators."""
    import numpy as np

    def decision_function(self: Any, X: Any) -> Any:
        count = len(self.classes_)
        total = 0.0
        for estimator in self.estimators_:
            logs = np.log(np.clip(estimator.predict_proba(X), np.finfo(float).eps, None))
            total = total + (count - 1) * (logs - logs.mean(axis=1, keepdims=True))
        total = total / self.estimator_weights_.sum()
        if count == 2:
            total[:, 0] *= -1
            return total.sum(axis=1)
        return total

    return _like(base, {"decision_function": decision_function})


#: Of an IsolationForest: what it compares with, and whether a sample at that is an outlier.
THRESHOLD = "_brinery_threshold"


def _of_path_lengths(base: Any, lengths: Any) -> Any:
    """`base`, an IsolationForest, that measures the paths in its trees as scikit-learn did until 0.21.

    `lengths` gives how long a path goes on in a leaf of so many samples. The sums are made in the order in
    which they were made then, since a threshold is one of the scores.
    """
    import numpy as np
    from sklearn.utils import check_array

    def score_samples(self: Any, X: Any) -> Any:
        X = check_array(X, accept_sparse="csr")
        held = vars(self)
        known = held.get("n_features_in_", held.get("n_features_", self.estimators_[0].tree_.n_features))
        if X.shape[1] != known:
            raise ValueError(f"X has {X.shape[1]} features, and this IsolationForest was fitted with {known}")
        some = self._max_features != X.shape[1]
        counts = np.zeros((X.shape[0], len(self.estimators_)), order="F")
        depths = np.zeros_like(counts)
        for i, (tree, features) in enumerate(zip(self.estimators_, self.estimators_features_, strict=True)):
            chosen = (X[:, features] if some else X).astype(np.float32)
            counts[:, i] = tree.tree_.n_node_samples[tree.tree_.apply(chosen)]
            depths[:, i] = np.ravel(tree.tree_.decision_path(chosen).sum(axis=1)) - 1
        depths += lengths(counts)
        whole = lengths(np.array([float(self.max_samples_)]))
        return -(2 ** (-depths.mean(axis=1) / whole))

    def decision_function(self: Any, X: Any) -> Any:
        return self.score_samples(X) - self.offset_

    def predict(self: Any, X: Any) -> Any:
        threshold, inclusive = vars(self).get(THRESHOLD, (0.0, False))
        decision = self.decision_function(X)
        return np.where(decision <= threshold if inclusive else decision < threshold, -1, 1)

    return _like(
        base, {"score_samples": score_samples, "decision_function": decision_function, "predict": predict}
    )


def _lengths(counts: Any, one: float, two: float | None, less: float, gamma: float) -> Any:
    import numpy as np

    many = counts > 1
    found = np.full(counts.shape, one)
    found[many] = 2 * (np.log(counts[many] - less) + gamma) - 2 * (counts[many] - 1) / counts[many]
    if two is not None:
        found[counts == 2] = two
    return found


@functools.cache
def of_path_lengths_until_18(base: Any) -> Any:
    """With the harmonic numbers of one sample too many."""
    return _of_path_lengths(base, lambda counts: _lengths(counts, 1.0, None, 0.0, 0.5772156649))


@functools.cache
def of_path_lengths_until_20(base: Any) -> Any:
    """With a path that goes on in a leaf of one sample."""
    import numpy as np

    return _of_path_lengths(base, lambda counts: _lengths(counts, 1.0, None, 1.0, np.euler_gamma))


@functools.cache
def of_path_lengths_of_21(base: Any) -> Any:
    """As today, but compared with a threshold of its own."""
    import numpy as np

    return _of_path_lengths(base, lambda counts: _lengths(counts, 0.0, 1.0, 1.0, np.euler_gamma))


_WAYS = {
    way.__name__: way
    for way in (
        of_samme_r,
        of_the_one_against_the_rest,
        of_path_lengths_until_18,
        of_path_lengths_until_20,
        of_path_lengths_of_21,
    )
}
