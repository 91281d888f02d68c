# SPDX-License-Identifier: MIT
"""Random scenarios.

    text         expressions and how they are laid out
    base         what every statement is made of, and how one is chosen
    tasks        statements on tasks, time and callbacks
    combine      statements on timeouts, groups, combinations, contexts, generators
    sync         statements on locks, queues and the like
    program      whole programs

A choice is a call of the random number generator: the same calls in the same order give the same
program, so nothing may be chosen anew in what exists. What came later is only chosen from if it is
asked for.
"""
