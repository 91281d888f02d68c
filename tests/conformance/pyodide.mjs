// SPDX-License-Identifier: MIT
//
// Runs a Python script in CPython for WebAssembly, which comes as the npm package `pyodide`:
//     node pyodide.mjs FOLDER-OF-THE-PACKAGE SCRIPT [ARGUMENTS]
// No hash seed makes a difference; PYTHONHASHSEED is passed on so that this can be tried.
import path from "node:path";
import { pathToFileURL } from "node:url";

const [folder, ...args] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(path.resolve(folder, "pyodide.mjs")).href);
const env = { HOME: "/" };
if (process.env.PYTHONHASHSEED) env.PYTHONHASHSEED = process.env.PYTHONHASHSEED;
const python = await loadPyodide({
  env,
  stdout: (line) => process.stdout.write(line + "\n"),
  stderr: (line) => process.stderr.write(line + "\n"),
});

// The machine's files are below /host there, and the folder of the start is the current one.
python.FS.mkdirTree("/host");
python.FS.mount(python.FS.filesystems.NODEFS, { root: "/" }, "/host");
const there = (arg) => (arg.startsWith("/") ? "/host" + arg : arg);
python.globals.set("ARGUMENTS", python.toPy(args.map(there)));
python.globals.set("STARTED_IN", "/host" + process.cwd());
process.exitCode = python.runPython(`
import os, runpy, sys, traceback
sys.dont_write_bytecode = True
os.chdir(STARTED_IN)
import asyncio
asyncio._set_running_loop(None)
sys.argv = list(ARGUMENTS)
sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
status = 0
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as e:
    status = e.code or 0
except BaseException:
    traceback.print_exc()
    status = 1
sys.stdout.flush()
sys.stderr.flush()
status`);
