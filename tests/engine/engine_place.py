"""Where the programs under test are: CORTEN_BIN, or build/dist."""
import os
import pathlib

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("CORTEN_BIN", TOP / "build" / "dist")).resolve()
