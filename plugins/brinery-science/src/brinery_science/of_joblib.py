"""joblib, which scikit-learn brought along until 0.22."""

from __future__ import annotations

from brinery import NameTable

NAMES = [NameTable("joblib", fallback={"sklearn.externals.joblib.*": "joblib.*"})]
