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

/* A number that no other state of any dict has had, or 0 where it is not known. */
#if PY_VERSION_HEX < 0x030E0000

BRINERY_ALWAYS_INLINE uint64_t brinery_dict_version(PyObject *dict)
{
    return BRINERY_TRICKS_ALLOWED ? ((PyDictObject *)dict)->ma_version_tag : 0;
}

#else

/* From CPython 3.14 on, a dict does not count its changes, but can be watched. Only a few are: sys.modules, and
 * tables of reducers. */
#define BRINERY_WATCHED_DICTS 8

static struct { PyObject *dict; uint64_t version; } brinery_watched_dicts[BRINERY_WATCHED_DICTS];
static uint64_t brinery_dict_changes;

static inline int brinery_dict_is_changed(PyDict_WatchEvent event, PyObject *dict, PyObject *key, PyObject *value)
{
    (void)key, (void)value;
    for (int i = 0; i < BRINERY_WATCHED_DICTS; i++) {
        if (brinery_watched_dicts[i].dict == dict) {
            brinery_watched_dicts[i].version = ++brinery_dict_changes;
            if (event == PyDict_EVENT_DEALLOCATED) {
                brinery_watched_dicts[i].dict = NULL;
            }
        }
    }
    return 0;
}

static inline uint64_t brinery_watch_dict(PyObject *dict)
{
    static int watcher = -1;
    if (watcher < 0) {
        watcher = PyDict_AddWatcher(brinery_dict_is_changed);
    }
    for (int i = 0; i < BRINERY_WATCHED_DICTS && watcher >= 0; i++) {
        if (brinery_watched_dicts[i].dict == NULL) {
            if (PyDict_Watch(watcher, dict) < 0) {
                break;
            }
            brinery_watched_dicts[i].dict = dict;
            return brinery_watched_dicts[i].version = ++brinery_dict_changes;
        }
    }
    PyErr_Clear(); /* all watchers are taken, say: then it is not known */
    return 0;
}

BRINERY_ALWAYS_INLINE uint64_t brinery_dict_version(PyObject *dict)
{
    for (int i = 0; BRINERY_TRICKS_ALLOWED && i < BRINERY_WATCHED_DICTS; i++) {
        if (brinery_watched_dicts[i].dict == dict) {
            return brinery_watched_dicts[i].version;
        }
    }
    return BRINERY_TRICKS_ALLOWED ? brinery_watch_dict(dict) : 0;
}

#endif

#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic pop
#endif
#ifdef BRINERY_BUILD_CORE
#undef Py_BUILD_CORE
#undef BRINERY_BUILD_CORE
#endif

#endif
