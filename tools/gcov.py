# SPDX-License-Identifier: MIT
"""What gcov's counters say, line by line."""
import json
import pathlib
import subprocess


def lines_of(folder, names, root):
    """(file below root, what gcov says of one of its lines) for counters that lie in a folder beside
    the notes of the compiler. Functions of headers are there once for each object they are in."""
    names = list(names)
    if not names:
        return
    done = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", *names],
                          cwd=folder, capture_output=True, check=False)
    for text in done.stdout.splitlines():
        report = json.loads(text)
        here = pathlib.Path(report["current_working_directory"])
        for file in report["files"]:
            path = (here / file["file"]).resolve()
            if path.is_relative_to(root / "src"):
                for line in file["lines"]:
                    yield str(path.relative_to(root)), line
