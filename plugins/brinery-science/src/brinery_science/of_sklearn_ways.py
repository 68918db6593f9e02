"""Classifiers that predict by a formula that scikit-learn no longer has: each as a subclass that has it
still.

They are made when such a state turns up. Each is written, and cloned, as the class of scikit-learn.
"""

from __future__ import annotations

import copyreg
import functools
from typing import Any

__all__ = ["of_samme_r", "of_the_one_against_the_rest"]


def _writes_as_base(self: Any, protocol: Any) -> Any:
    base = type(self).__mro__[1]
    return copyreg.__newobj__, (base,), self.__getstate__()  # type: ignore[attr-defined]


def _like(base: Any, methods: dict[str, Any]) -> Any:
    named = {
        **methods,
        "__reduce_ex__": _writes_as_base,
        "__module__": base.__module__,
        "__doc__": base.__doc__,
    }
    named["__sklearn_clone__"] = _cloned
    return type(base)(base.__name__, (base,), named)


def _cloned(self: Any) -> Any:
    base = type(self).__mro__[1]
    return base(**self.get_params(deep=False))


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
