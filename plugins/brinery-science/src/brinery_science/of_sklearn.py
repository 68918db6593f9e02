"""scikit-learn: names, in ``of_sklearn_modules``, and what the states of estimators lack or had otherwise."""

from __future__ import annotations

import sys
from typing import Any

from brinery import NameTable, Shape
from brinery_science.of_sklearn_modules import CLASSES, GONE, NAMES_OF, STAND_INS

NAMES = [
    NameTable(
        "scikit-learn",
        read={
            "_loss:CyHalfMultinomialLoss": "sklearn._loss._loss:CyHalfMultinomialLoss",
            "_loss": "sklearn._loss._loss",
            # These names are there, and are something else today.
            "sklearn.metrics._dist_metrics:EuclideanDistance": "sklearn.metrics._dist_metrics:EuclideanDistance64",
        },
        fallback=NAMES_OF,
        stand_ins={name: f"brinery_science.of_sklearn:{function}" for name, function in STAND_INS.items()},
        gone=GONE,
    )
]


# Trees


def tree_state(instance: Any, state: Any) -> Any:
    """A Tree: nodes have a field more since 1.3, and the values of classifiers are fractions since 1.4."""
    import numpy as np
    from sklearn.tree._tree import NODE_DTYPE

    if not isinstance(state, dict) or "nodes" not in state:
        return (state,)
    state = dict(state)
    nodes = state["nodes"]
    if nodes.dtype != NODE_DTYPE:
        mended = np.zeros(nodes.shape, dtype=NODE_DTYPE)
        for field in NODE_DTYPE.names:
            if field in nodes.dtype.names:
                mended[field] = nodes[field]
        state["nodes"] = mended
    if "max_depth" not in state:
        state["max_depth"] = _depth(state["nodes"])
    values = np.asarray(state["values"])
    if np.max(instance.n_classes) > 1 and values.ndim == 3:
        sums = values.sum(axis=2, keepdims=True)
        state["values"] = np.divide(values, sums, out=np.array(values, dtype=np.float64), where=sums != 0)
    return (state,)


def _depth(nodes: Any) -> int:
    depth, level = 0, [0]
    while level:
        below = [int(child) for node in level for child in (nodes["left_child"][node], nodes["right_child"][node])]
        level = [child for child in below if child > 0]
        depth += bool(level)
    return depth


# Estimators: whatever parameter a state lacks has today the value that its constructor gives it


def estimator_state(instance: Any, state: Any) -> Any:
    """The state of an estimator, with the parameters that came later, and what else is known of its class."""
    import inspect

    if not isinstance(state, dict):
        return (state,)
    cls = type(instance)
    state = dict(state)
    for mend in (getattr(_Mend, base.__name__, None) for base in reversed(cls.__mro__)):
        if mend is not None:
            mend(state)
    try:
        parameters = inspect.signature(cls.__init__).parameters
    except (TypeError, ValueError):
        parameters = {}  # type: ignore[assignment]
    for name, parameter in parameters.items():
        if parameter.default is not inspect.Parameter.empty and name not in state:
            state[name] = parameter.default
    return (state,)


def _rename(state: dict[str, Any], old: str, new: str) -> None:
    if old in state and new not in state:
        state[new] = state.pop(old)


def _version(state: dict[str, Any]) -> tuple[int, ...]:
    """The version that wrote the state, as two numbers; (0, 0) where it stamped none."""
    text = str(state.get("_sklearn_version", "0.0"))
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


class _Mend:
    """What is known of each class, by its name: functions that change a copy of the state."""

    @staticmethod
    def GaussianNB(state: dict[str, Any]) -> None:
        _rename(state, "sigma_", "var_")

    @staticmethod
    def TfidfTransformer(state: dict[str, Any]) -> None:
        if "_idf_diag" in state and "idf_" not in state:
            diagonal = state.pop("_idf_diag")
            state["idf_"] = diagonal.diagonal()

    @staticmethod
    def AdaBoostClassifier(state: dict[str, Any]) -> None:
        if state.get("algorithm") == "SAMME.R":
            from pickle import UnpicklingError

            raise UnpicklingError(
                "this AdaBoostClassifier was fitted with algorithm='SAMME.R', by which scikit-learn cannot predict "
                "since 1.6: it would predict by SAMME, and otherwise. Read it with scikit-learn 1.5, or fit it anew"
            )
        _ensemble(state)

    @staticmethod
    def SimpleImputer(state: dict[str, Any]) -> None:
        statistics = state.get("statistics_")
        if statistics is not None:
            state.setdefault("_fit_dtype", statistics.dtype)
            state.setdefault("_fill_dtype", state["_fit_dtype"])
        state.setdefault("indicator_", None)

    @staticmethod
    def OneHotEncoder(state: dict[str, Any]) -> None:
        state.setdefault("_infrequent_enabled", False)
        state.setdefault("drop_idx_", None)
        state.setdefault("_drop_idx_after_grouping", state["drop_idx_"])
        if "categories_" in state:
            state.setdefault("_n_features_outs", [len(each) for each in state["categories_"]])
        _rename(state, "sparse", "sparse_output")

    @staticmethod
    def OrdinalEncoder(state: dict[str, Any]) -> None:
        state.setdefault("_missing_indices", {})
        state.setdefault("_infrequent_enabled", False)

    @staticmethod
    def KMeans(state: dict[str, Any]) -> None:
        state.setdefault("_n_threads", 1)

    MiniBatchKMeans = KMeans

    @staticmethod
    def BaseLibSVM(state: dict[str, Any]) -> None:
        _rename(state, "probA_", "_probA")
        _rename(state, "probB_", "_probB")
        if "support_vectors_" in state:
            import numpy as np

            state.setdefault("_probA", np.empty(0))
            state.setdefault("_probB", np.empty(0))
            state.setdefault("_n_support", state.pop("n_support_", None))
            if "_dual_coef_" in state:
                state.setdefault("_num_iter", None)

    @staticmethod
    def KernelPCA(state: dict[str, Any]) -> None:
        _rename(state, "lambdas_", "eigenvalues_")
        _rename(state, "alphas_", "eigenvectors_")
        if "X_fit_" in state and "gamma_" not in state:
            gamma = state.get("gamma")
            state["gamma_"] = 1 / state["X_fit_"].shape[1] if gamma is None else gamma

    @staticmethod
    def NearestCentroid(state: dict[str, Any]) -> None:
        if "centroids_" in state:
            import numpy as np

            count = len(state["centroids_"])
            state.setdefault("class_prior_", np.full(count, 1 / count))
            state.setdefault("deviations_", np.zeros_like(state["centroids_"]))
            state.setdefault("within_class_std_dev_", np.ones(state["centroids_"].shape[1]))

    @staticmethod
    def _dummy(state: dict[str, Any]) -> None:
        if "strategy" in state:
            state.setdefault("_strategy", state["strategy"])

    DummyClassifier = _dummy

    @staticmethod
    def IsotonicRegression(state: dict[str, Any]) -> None:
        if "f_" in state:
            return
        xs, ys = state.get("X_thresholds_"), state.get("y_thresholds_")
        if xs is None:
            xs, ys = state.get("_necessary_X_", state.get("X_")), state.get("_necessary_y_", state.get("y_"))
        if xs is None:
            return
        from scipy import interpolate

        state["X_thresholds_"], state["y_thresholds_"] = xs, ys
        if len(ys) == 1:
            state["f_"] = lambda x: ys.repeat(x.shape)
        else:
            state["f_"] = interpolate.interp1d(
                xs, ys, kind="linear", bounds_error=state.get("out_of_bounds", "nan") == "raise"
            )

    @staticmethod
    def _meta(state: dict[str, Any]) -> None:
        _rename(state, "base_estimator", "estimator")
        _rename(state, "base_estimator_", "estimator_")

    RANSACRegressor = _CalibratedClassifier = _meta

    @staticmethod
    def CalibratedClassifierCV(state: dict[str, Any]) -> None:
        _rename(state, "base_estimator", "estimator")

    @staticmethod
    def BaseEnsemble(state: dict[str, Any]) -> None:
        _ensemble(state)

    @staticmethod
    def NMF(state: dict[str, Any]) -> None:
        if "alpha" in state and "alpha_W" not in state:
            state["alpha_W"] = 0.0
            state["alpha_H"] = "same"
            if state["alpha"]:
                state["alpha_W"] = state["alpha"] / max(1, state.get("n_features_in_", 1))
        if "components_" in state:
            state.setdefault("_n_components", state.get("n_components_", len(state["components_"])))
            state.setdefault("_beta_loss", 2.0 if state.get("beta_loss") in (None, "frobenius") else state["beta_loss"])

    @staticmethod
    def GaussianProcessRegressor(state: dict[str, Any]) -> None:
        import numpy as np

        state.setdefault("_y_train_std", np.ones(1) if "_y_train_mean" in state else 1)

    @staticmethod
    def LinearDiscriminantAnalysis(state: dict[str, Any]) -> None:
        if "classes_" in state:
            state.setdefault("_max_components", len(state["classes_"]) - 1)

    @staticmethod
    def StackingClassifier(state: dict[str, Any]) -> None:
        if "_label_encoder" not in state and "_le" in state:
            state["_label_encoder"] = state["_le"]

    @staticmethod
    def HashingVectorizer(state: dict[str, Any]) -> None:
        if "non_negative" in state:
            # Its hash had the sign, or all absolute values with non_negative.
            state.setdefault("alternate_sign", not state["non_negative"])


def _ensemble(state: dict[str, Any]) -> None:
    _rename(state, "base_estimator", "estimator")
    _rename(state, "base_estimator_", "estimator_")


# What is gone


class PassthroughScorer:
    """What the scorer of a search was: it asks the estimator itself."""


def passthrough_scorer(estimator: Any = None, *args: Any, **kwargs: Any) -> Any:
    """The function that a search scored by: the estimator's own score."""
    return estimator.score(*args, **kwargs)


def half_squared_error(*args: Any) -> Any:
    """The loss of least squares, which all gradient boosting has from one place today."""
    from sklearn._loss.loss import HalfSquaredError

    return HalfSquaredError()


class OldState:
    """What takes the state of an object of a class that is gone, for the object that holds it to make use of."""

    def __init__(self, *args: Any) -> None:
        self.args = args


def old_state(*args: Any) -> OldState:
    """An object of a class that is gone."""
    return OldState(*args)


def score_tuple(*args: Any) -> Any:
    """A row of ``grid_scores_``: parameters, mean, and the scores of each fold."""
    from collections import namedtuple

    return namedtuple("_CVScoreTuple", "parameters mean_validation_score cv_validation_scores")(*args)


def new_tree(cls: Any) -> Any:
    """``newObj(cls)`` of the neighbours' trees and of distances."""
    return cls.__new__(cls)


SHAPES = [
    Shape("sklearn.tree._tree:Tree", build="brinery_science.of_sklearn:tree_state"),
    *(
        Shape(f"{module}:{name}", build="brinery_science.of_sklearn:estimator_state")
        for module, names in CLASSES.items()
        for name in names.split()
    ),
]
