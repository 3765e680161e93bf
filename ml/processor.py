"""What this machine computes fast: half precision only pays where the processor, or an accelerator, has it built in."""

from functools import cache
from pathlib import Path

# As Linux names them: Intel's and AMD's instructions, Intel's matrix unit, ARM's.
_BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}
_CPUINFO = Path("/proc/cpuinfo")


def names_bfloat16(cpuinfo: str) -> bool:
    """Whether the text of Linux' /proc/cpuinfo names instructions for bfloat16."""
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    return any(_BFLOAT16 & set(value.split()) for name, _, value in lines if name.strip() in ("flags", "Features"))


@cache
def knows_bfloat16() -> bool:
    """Whether this machine's processor computes in bfloat16 by itself; False where that cannot be read."""
    try:
        return names_bfloat16(_CPUINFO.read_text())
    except OSError:
        return False
