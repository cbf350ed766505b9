import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from box import box, console, kill_safe, private_mounts, workshop  # noqa: E402,F401
from users import delegated, tools  # noqa: E402,F401
