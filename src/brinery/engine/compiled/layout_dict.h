/* The insides of a dict's keys, which CPython installs but compiles for itself only. */
#ifndef BRINERY_LAYOUT_DICT_H
#define BRINERY_LAYOUT_DICT_H

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE 1
#define BRINERY_BUILD_CORE
#endif
#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif
#undef _PyGC_FINALIZED
#include "internal/pycore_dict.h"

/* A number that no other state of any dict has had, or 0 where it is not known: from CPython 3.14 on. */
BRINERY_ALWAYS_INLINE uint64_t brinery_dict_version(PyObject *dict)
{
#if PY_VERSION_HEX < 0x030E0000
    return BRINERY_TRICKS_ALLOWED ? ((PyDictObject *)dict)->ma_version_tag : 0;
#else
    (void)dict;
    return 0;
#endif
}

#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic pop
#endif
#ifdef BRINERY_BUILD_CORE
#undef Py_BUILD_CORE
#undef BRINERY_BUILD_CORE
#endif

#endif
