"""Estimators that judge by a formula of their time keep it when they are written again; a fit ends it."""

from __future__ import annotations

import pickle

import pytest

import brinery

sklearn = pytest.importorskip("sklearn")
pytestmark = pytest.mark.filterwarnings("ignore")  # InconsistentVersionWarning is scikit-learn's to give

POINTS = [[float(i), float(i * i % 7)] for i in range(40)] + [[200.0, 90.0], [0.0, -80.0]]


def _old(version: str, **more: object) -> bytes:
    """An IsolationForest with the state of an old version: of today's what that had, too."""
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=5, max_samples=16, random_state=0, contamination=0.1).fit(POINTS)
    state = forest.__getstate__()
    for name in list(state):
        if name.startswith(("_average", "_decision")) or name in ("offset_", "n_features_in_"):
            del state[name]
    state.update(_sklearn_version=version, **more)
    return (
        b"\x80\x02csklearn.ensemble._iforest\nIsolationForest\n)\x81" + pickle.dumps(state, 2)[2:-1] + b"b."
    )


@pytest.fixture(scope="module")
def profile() -> brinery.Profile:
    return brinery.Profile(["science"])


def _by_hand(forest: object, until: int) -> list[float]:
    """The scores of scikit-learn 0.18 to 0.20, one sample and one tree after the other."""
    import math

    import numpy as np

    def goes_on(count: float) -> float:
        if count <= 1:
            return 1.0
        harmonic = math.log(count if until == 18 else count - 1) + 0.5772156649015329
        return 2 * harmonic - 2 * (count - 1) / count

    scores = []
    for point in np.asarray(POINTS, dtype=np.float32):
        lengths = []
        for estimator in forest.estimators_:  # type: ignore[attr-defined]
            tree, node, depth = estimator.tree_, 0, 0
            while tree.children_left[node] >= 0:
                left = point[tree.feature[node]] <= tree.threshold[node]
                node, depth = (tree.children_left if left else tree.children_right)[node], depth + 1
            lengths.append(depth + goes_on(tree.n_node_samples[node]))
        scores.append(-(2 ** (-sum(lengths) / len(lengths) / goes_on(16))))
    return scores


@pytest.mark.parametrize(("version", "until"), [("0.18.2", 18), ("0.19.2", 20), ("0.20.4", 20)])
def test_a_forest_measures_its_paths_as_it_did(profile: brinery.Profile, version: str, until: int) -> None:
    name = "threshold_" if until == 18 or version == "0.19.2" else "_threshold_"
    more = {"offset_": -0.5, "behaviour": "old"} if name == "_threshold_" else {}
    forest = profile.loads(_old(version, **{name: -0.05}, **more))
    scores = forest.score_samples(POINTS)
    assert scores == pytest.approx(_by_hand(forest, until), abs=1e-7)
    assert list(forest.decision_function(POINTS)) == pytest.approx([score + 0.5 for score in scores])
    assert [bool(one > 0) for one in forest.predict(POINTS)] == [score + 0.5 > -0.05 for score in scores]
    with pytest.raises(ValueError, match="3 features"):
        forest.score_samples([[1.0, 2.0, 3.0]])


def test_it_is_written_as_what_it_is_and_fitted_anew_it_is_todays(profile: brinery.Profile) -> None:
    from sklearn.base import clone
    from sklearn.ensemble import IsolationForest

    forest = profile.loads(_old("0.19.2", threshold_=-0.05))
    assert type(forest) is not IsolationForest
    for again in (pickle.loads(pickle.dumps(forest)), profile.loads(profile.dumps(forest))):
        assert list(again.score_samples(POINTS)) == list(forest.score_samples(POINTS))
        assert list(again.predict(POINTS)) == list(forest.predict(POINTS))
    assert type(clone(forest)) is IsolationForest
    forest.set_params(contamination=0.1).fit(POINTS)
    today = IsolationForest(n_estimators=5, max_samples=16, random_state=0, contamination=0.1).fit(POINTS)
    assert type(forest) is IsolationForest
    assert list(forest.score_samples(POINTS)) == list(today.score_samples(POINTS))
