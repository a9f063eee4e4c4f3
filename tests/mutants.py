"""What `make mutants` came to: which share the tests noticed, and the bar."""

from __future__ import annotations

import json
import sys
from pathlib import Path

STATS = Path("mutants/mutmut-cicd-stats.json")
AT_LEAST = 0.9


def main() -> int:
    """Print the share, and end with 1 where it is below the bar."""
    stats = json.loads(STATS.read_text())
    noticed = stats["killed"] + stats["timeout"] + stats["segfault"]
    total = stats["total"] - stats["skipped"]
    share = noticed / total if total else 0.0
    print(f"{noticed} of {total} mutants noticed, {share:.1%}; `mutmut results` names the rest")
    if share < AT_LEAST:
        print(f"expected {AT_LEAST:.0%} at least", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
