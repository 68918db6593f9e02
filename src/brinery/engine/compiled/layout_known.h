/* The Pythons whose private layout is known. Guessing it would crash programs: elsewhere this does not
 * compile, and the installation goes on with the Python engine alone.
 */
#ifndef BRINERY_LAYOUT_KNOWN_H
#define BRINERY_LAYOUT_KNOWN_H

#include <Python.h>

#if defined(PYPY_VERSION) || PY_VERSION_HEX < 0x030B0000 || PY_VERSION_HEX >= 0x03100000
#error "brinery's compiled engine does not know the layout of this Python's objects"
#endif

#endif
