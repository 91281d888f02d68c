# SPDX-License-Identifier: MIT
"""The scenario language (LANGUAGE.md) on CPython's own asyncio.

    package      which asyncio: the interpreter's own, without its C parts, or another folder's
    reader       text to forms
    checker      what can be wrong with a program before it runs
    loop         asyncio made exact: a virtual clock, and an order wherever asyncio walks a set
    values       what a scenario computes with
    interp       runs a program and writes its trace
    tables       the forms by name; forms_*: what each does
    files        runs, records and compares files

Needs CPython 3.14 or newer, and nothing else.
"""
