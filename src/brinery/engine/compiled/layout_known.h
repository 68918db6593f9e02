/* Which of two ways the engine goes: by the private layout of a CPython that is known, or by the documented
 * interface alone (BRINERY_PUBLIC). Guessing a layout would crash programs.
 */
#ifndef BRINERY_LAYOUT_KNOWN_H
#define BRINERY_LAYOUT_KNOWN_H

#include <Python.h>

#if defined(PYPY_VERSION) || defined(GRAALVM_PYTHON) || PY_VERSION_HEX < 0x030B0000
#error "brinery's compiled engine is for CPython 3.11 and later"
#endif

#define BRINERY_KNOWN_BEFORE 0x03100000 /* the first version whose layout nobody has looked at */
#define BRINERY_HAS_LAYOUT (PY_VERSION_HEX < BRINERY_KNOWN_BEFORE)

#ifndef BRINERY_PUBLIC
#define BRINERY_PUBLIC (PY_VERSION_HEX >= BRINERY_KNOWN_BEFORE)
#elif !BRINERY_PUBLIC && PY_VERSION_HEX >= BRINERY_KNOWN_BEFORE
#error "the layout of objects in this Python is not known"
#endif

#endif
