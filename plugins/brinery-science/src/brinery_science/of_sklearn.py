"""scikit-learn: names, in ``of_sklearn_modules``, and what the states of estimators lack or had otherwise."""

from __future__ import annotations

import itertools
from collections import namedtuple
from typing import Any

from brinery import NameTable, Shape
from brinery_science.of_sklearn_modules import CLASSES, GONE, NAMES_OF
from brinery_science.of_sklearn_ways import MARK, THRESHOLD, becomes

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
        below = [
            int(child) for node in level for child in (nodes["left_child"][node], nodes["right_child"][node])
        ]
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
    for base in reversed(cls.__mro__):
        mend = getattr(_Mend, base.__name__, None)
        if mend is not None:
            mend(state)
    try:
        parameters = inspect.signature(cls.__init__).parameters
    except (TypeError, ValueError):
        parameters = {}  # type: ignore[assignment]
    for name, parameter in parameters.items():
        if parameter.default is not inspect.Parameter.empty and name not in state:
            state[name] = parameter.default
    for name in [base.__name__ for base in cls.__mro__]:
        finish = getattr(_Finish, name, None)
        if finish is not None:
            version = _version(state)  # __setstate__ takes it out
            instance.__setstate__(state)
            finish(instance, version)
            return None
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
    def LogisticRegression(state: dict[str, Any]) -> None:
        state.setdefault("solver", "liblinear")  # the only one, once
        if "_enc" in state:
            state.setdefault("classes_", state.pop("_enc").classes_)

    @staticmethod
    def LinearSVC(state: dict[str, Any]) -> None:
        if "_enc" in state:
            state.setdefault("classes_", state.pop("_enc").classes_)

    @staticmethod
    def StandardScaler(state: dict[str, Any]) -> None:
        if "std_" in state:
            state["scale_"] = state.pop("std_")
            state["var_"] = None if state["scale_"] is None else state["scale_"] ** 2

    @staticmethod
    def PolynomialFeatures(state: dict[str, Any]) -> None:
        count = state.pop("n_output_features_", state.pop("_n_output_features", None))
        if count is None and "powers_" in state:
            count = len(state["powers_"])
        degree = state.get("degree", 2)
        state.setdefault("_min_degree", 0)
        state.setdefault("_max_degree", degree)
        if "n_input_features_" in state:
            state.setdefault("n_features_in_", state.pop("n_input_features_"))
        if "_n_input_features" in state:
            state.setdefault("n_features_in_", state.pop("_n_input_features"))
        if count is not None:
            state.setdefault("n_output_features_", count)
            state.setdefault("_n_out_full", count)

    @staticmethod
    def KFold(state: dict[str, Any]) -> None:
        _rename(state, "n_folds", "n_splits")

    @staticmethod
    def _CalibratedClassifier(state: dict[str, Any]) -> None:
        _meta(state)
        _rename(state, "calibrators_", "calibrators")

    @staticmethod
    def OneVsRestClassifier(state: dict[str, Any]) -> None:
        if "label_binarizer_" in state and "classes_" in vars(state["label_binarizer_"]):
            state.setdefault("classes_", state["label_binarizer_"].classes_)

    @staticmethod
    def KNeighborsMixin(state: dict[str, Any]) -> None:
        if state.get("_fit_X") is not None:
            state.setdefault("n_samples_fit_", state["_fit_X"].shape[0])

    @staticmethod
    def BaseHistGradientBoosting(state: dict[str, Any]) -> None:
        state.setdefault("_preprocessor", None)
        state.setdefault("_is_categorical_remapped", None)
        state.setdefault("is_categorical_", None)

    @staticmethod
    def ColumnTransformer(state: dict[str, Any]) -> None:
        from sklearn.preprocessing import FunctionTransformer

        if "transformers_" in state:
            state["transformers_"] = [
                (
                    name,
                    FunctionTransformer(
                        accept_sparse=True, check_inverse=False, feature_names_out="one-to-one"
                    )
                    if transformer == "passthrough"
                    else transformer,
                    *rest,
                )
                for name, transformer, *rest in ((t[0], t[1], *t[2:]) for t in state["transformers_"])
            ]

    @staticmethod
    def BaseSearchCV(state: dict[str, Any]) -> None:
        scorer = state.get("scorer_")
        if getattr(scorer, "__module__", "") == __name__ and "best_estimator_" in state:
            from sklearn.metrics._scorer import _PassthroughScorer

            state["scorer_"] = _PassthroughScorer(state["best_estimator_"])
        state.setdefault("multimetric_", False)

    @staticmethod
    def SimpleImputer(state: dict[str, Any]) -> None:
        import numpy as np

        if state.pop("axis", 0):
            from pickle import UnpicklingError

            raise UnpicklingError(
                "this Imputer filled in rows (axis=1), which SimpleImputer cannot: read it with scikit-learn 0.21"
            )
        if isinstance(state.get("missing_values"), str) and state["missing_values"] == "NaN":
            state["missing_values"] = np.nan
        statistics = state.get("statistics_")
        if statistics is not None:
            state.setdefault("_fit_dtype", statistics.dtype)
            state.setdefault("_fill_dtype", state["_fit_dtype"])
        state.setdefault("indicator_", None)

    @staticmethod
    def OneHotEncoder(state: dict[str, Any]) -> None:
        import numpy as np

        state.setdefault("_infrequent_enabled", False)
        state.setdefault("drop_idx_", None)
        state.setdefault("_drop_idx_after_grouping", state["drop_idx_"])
        if "categories_" in state:
            state.setdefault("_n_features_outs", [len(each) for each in state["categories_"]])
        _rename(state, "sparse", "sparse_output")
        if "categories_" not in state and "feature_indices_" in state:
            # Until 0.19: which of the integers of each column occurred, in one row of places.
            places, active = state["feature_indices_"], state.get("active_features_")
            columns = list(itertools.pairwise(places))
            state["categories_"] = [
                np.arange(end - start)
                if active is None
                else active[(active >= start) & (active < end)] - start
                for start, end in columns
            ]
            state["categories"] = "auto"
            state["drop"] = None
            state.setdefault("n_features_in_", len(columns))
            state["_n_features_outs"] = [len(each) for each in state["categories_"]]

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
            count = state.pop("n_support_", None)
            state.setdefault("_n_support", count)
            if "dual_coef_" in state:
                state.setdefault("_dual_coef_", state["dual_coef_"])
                state.setdefault("_intercept_", state.get("intercept_"))

    @staticmethod
    def SVR(state: dict[str, Any]) -> None:
        if "support_vectors_" in state:
            import numpy as np

            # Of these it was not filled in.
            state["_n_support"] = np.array([len(state["support_vectors_"]), 0], dtype=np.int32)

    NuSVR = OneClassSVM = SVR

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
            state.setdefault("sparse_output_", False)

    DummyClassifier = _dummy

    @staticmethod
    def IsotonicRegression(state: dict[str, Any]) -> None:
        if "f_" in state:
            return
        xs: Any = state.get("X_thresholds_")
        ys: Any = state.get("y_thresholds_")
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
    def RANSACRegressor(state: dict[str, Any]) -> None:
        _meta(state)

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
            state.setdefault(
                "_beta_loss", 2.0 if state.get("beta_loss") in (None, "frobenius") else state["beta_loss"]
            )

    @staticmethod
    def GaussianProcessRegressor(state: dict[str, Any]) -> None:
        import numpy as np

        _rename(state, "y_train_mean", "_y_train_mean")
        _rename(state, "y_train_std", "_y_train_std")
        _rename(state, "X_train_", "X_train_")
        state.setdefault("_y_train_mean", np.zeros(1))
        state.setdefault("_y_train_std", np.ones(1))

    @staticmethod
    def LinearDiscriminantAnalysis(state: dict[str, Any]) -> None:
        if "classes_" in state:
            state.setdefault("_max_components", len(state["classes_"]) - 1)
        if "solver" not in state and "coef_" in state:
            # Until 0.15 the coefficients were those of the scaled data, and transform() went through both.
            both = state["scalings_"] @ state["coef_"].T
            state["scalings_"], state["coef_"] = both, both.T
            state["intercept_"] = state["intercept_"] - state["xbar_"] @ both

    @staticmethod
    def StackingClassifier(state: dict[str, Any]) -> None:
        if "_label_encoder" not in state and "_le" in state:
            state["_label_encoder"] = state["_le"]

    @staticmethod
    def HashingVectorizer(state: dict[str, Any]) -> None:
        if "non_negative" in state:
            # Its hash had the sign, or all absolute values with non_negative.
            state.setdefault("alternate_sign", not state["non_negative"])


def _meta(state: dict[str, Any]) -> None:
    _rename(state, "base_estimator", "estimator")
    _rename(state, "base_estimator_", "estimator_")


def _ensemble(state: dict[str, Any]) -> None:
    _rename(state, "base_estimator", "estimator")
    _rename(state, "base_estimator_", "estimator_")


class _Finish:
    """What is done with an instance that has its state, by the name of its class."""

    @staticmethod
    def LogisticRegression(instance: Any, version: tuple[int, ...]) -> None:
        state = vars(instance)
        way = state.get("multi_class", "auto")
        rest = way in ("ovr", "warn") or (way != "multinomial" and state["solver"] == "liblinear")
        if rest and len(state.get("classes_", ())) > 2:
            becomes(instance, "of_the_one_against_the_rest")

    @staticmethod
    def LinearDiscriminantAnalysis(instance: Any, version: tuple[int, ...]) -> None:
        # Until 0.20 the probabilities of several classes were not those of a softmax.
        if (0, 0) < version < (0, 21) and len(vars(instance).get("classes_", ())) > 2:
            becomes(instance, "of_the_one_against_the_rest")

    @staticmethod
    def AdaBoostClassifier(instance: Any, version: tuple[int, ...]) -> None:
        if vars(instance).get("algorithm") == "SAMME.R":
            if version < (0, 18) and MARK not in vars(instance):
                from pickle import UnpicklingError

                raise UnpicklingError(
                    "this AdaBoostClassifier is of scikit-learn 0.17 or before, by SAMME.R, which took other "
                    "probabilities for none than 0.18: read it with the version that wrote it, or fit it anew"
                )
            becomes(instance, "of_samme_r")

    @staticmethod
    def IsolationForest(instance: Any, version: tuple[int, ...]) -> None:
        state = vars(instance)
        if "estimators_" not in state:
            return
        from sklearn.ensemble._iforest import _average_path_length

        trees = [estimator.tree_ for estimator in instance.estimators_]
        if "_decision_path_lengths" not in state:
            instance._average_path_length_per_tree = tuple(
                _average_path_length(tree.n_node_samples) for tree in trees
            )
            instance._decision_path_lengths = tuple(t.compute_node_depths() for t in trees)
        state.setdefault("_max_samples", state.get("max_samples_"))
        if version >= (0, 22) or MARK in state:
            return
        # How paths were measured, and what they were compared with.
        way = "until_18" if version < (0, 19) else "until_20" if version < (0, 21) else "of_21"
        if version < (0, 20):
            state["offset_"] = -0.5
            state[THRESHOLD] = float(state["threshold_"]), True
        elif state.get("behaviour", "old") == "old":
            state[THRESHOLD] = float(state["_threshold_"]), False
        state["contamination"] = state.get("_contamination", state.get("contamination", 0.1))
        becomes(instance, f"of_path_lengths_{way}")

    @staticmethod
    def BaseGradientBoosting(instance: Any, version: tuple[int, ...]) -> None:
        state = vars(instance)
        state["loss"] = {"deviance": "log_loss", "ls": "squared_error", "lad": "absolute_error"}.get(
            state.get("loss"), state.get("loss")
        )
        if "estimators_" not in state or ("_loss" in state and not isinstance(state["_loss"], OldState)):
            return
        loss = state.pop("loss_", None)
        if "n_classes_" not in state and "classes_" in state:
            state["n_classes_"] = len(state["classes_"])
        elif "n_classes_" not in state and isinstance(getattr(loss, "K", None), int):
            state["n_classes_"] = loss.K
        instance._loss = instance._get_loss(sample_weight=None)
        state.setdefault("n_trees_per_iteration_", state["estimators_"].shape[1])
        state.setdefault("n_features_in_", state.get("n_features_", state.get("n_features")))
        state["init_"] = _initial(state.get("init_"), instance)

    @staticmethod
    def BaseHistGradientBoosting(instance: Any, version: tuple[int, ...]) -> None:
        state = vars(instance)
        names = {
            "least_squares": "squared_error",
            "least_absolute_deviation": "absolute_error",
            "auto": "log_loss",
            "categorical_crossentropy": "log_loss",
            "binary_crossentropy": "log_loss",
        }
        state["loss"] = names.get(state.get("loss"), state.get("loss"))
        if hasattr(state.get("_loss"), "as_today") or isinstance(state.get("loss_"), OldState):
            state.pop("loss_", None)
            state["_loss"] = instance._get_loss(sample_weight=None)
        if isinstance(state.get("_loss"), OldState):
            state["_loss"] = instance._get_loss(sample_weight=None)
        if "_baseline_prediction" in state:
            import numpy as np

            base = np.asarray(state["_baseline_prediction"], dtype=np.float64)
            state["_baseline_prediction"] = base.reshape(1, -1)


def _initial(init: Any, instance: Any) -> Any:
    """What gradient boosting began with: until 0.20 estimators of its own, whose predictions were scores."""
    import numpy as np
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if not isinstance(init, OldState):
        return init
    held = vars(init)
    if "priors" in held:
        scores = np.exp(np.asarray(held["priors"], dtype=np.float64))
        made = DummyClassifier(strategy="prior")
        made.classes_ = instance.classes_
        made.n_classes_ = len(made.classes_)
        made.class_prior_ = scores / scores.sum()
        made._strategy, made.n_outputs_, made.sparse_output_ = "prior", 1, False
        return made
    if "prior" in held:
        odds = np.exp(held["prior"])
        made = DummyClassifier(strategy="prior")
        made.classes_, made.n_classes_ = instance.classes_, 2
        made.class_prior_ = np.array([1 / (1 + odds), odds / (1 + odds)])
        made._strategy, made.n_outputs_, made.sparse_output_ = "prior", 1, False
        return made
    if "mean" in held or "quantile" in held:
        value = held.get("mean", held.get("quantile"))
        made = DummyRegressor(strategy="constant", constant=value)
        made.constant_, made.n_outputs_ = np.array([[value]], dtype=np.float64), 1
        return made
    return "zero"


# What is gone


#: A row of the scores of a search until 0.19.
CVScoreTuple = namedtuple("CVScoreTuple", "parameters mean_validation_score cv_validation_scores")


class OldState:
    """An object of a class that is gone: it holds its state for the object that it is a part of."""

    def __init__(self, *args: Any) -> None:
        self.args = args


def half_squared_error(*args: Any) -> Any:
    """The loss of least squares in C, which has no state."""
    from sklearn._loss._loss import CyHalfSquaredError

    return CyHalfSquaredError()


def passthrough_scorer(estimator: Any, *args: Any, **kwargs: Any) -> Any:
    """The function that a search scored by: the estimator's own score."""
    return estimator.score(*args, **kwargs)


def neighbours_state(state: Any) -> Any:
    """A KDTree or BallTree: until 0.19 the state had no weights of samples, and today's class looks for
    them."""
    return (*state, None) if isinstance(state, tuple) and len(state) == 12 else state


SHAPES = [
    Shape("sklearn.tree._tree:Tree", build="brinery_science.of_sklearn:tree_state"),
    *(
        Shape(f"sklearn.neighbors._{module}:{name}", state="brinery_science.of_sklearn:neighbours_state")
        for module, names in (
            ("kd_tree", "KDTree KDTree64 KDTree32"),
            ("ball_tree", "BallTree BallTree64 BallTree32"),
        )
        for name in names.split()
    ),
    *(
        Shape(f"{module}:{name}", build="brinery_science.of_sklearn:estimator_state")
        for module, names in CLASSES.items()
        for name in names.split()
    ),
]
