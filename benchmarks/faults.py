"""Disturb builds at seeded moments, by signals, full disks and damaged files: what is lost?

    python benchmarks/faults.py --count 300 --seed 1

Prints a line for each kind of fault: how many there were, how many builds ended right when the same
command ran again, and of how many something was lost, a page was half or missing, bytes differed
from those of a build that nothing disturbed, a file of somebody else's was touched, or a fault
ended in a traceback instead of a line. These have to be 0, and the command exits with 1 if they
aren't. "Said" counts the second builds that told why they computed something again. Full disks and
read-only ones are real ones in memory where this process may mount them; the disturbances from
within a process are described in ``tests/support/disturbed.py``.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.faults import KINDS, ON_A_DISK, Campaign, Outcome, can_mount  # noqa: E402

WRONG = ("lost", "half or missing", "wrong bytes", "others' files", "untold")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="how many faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default="", help="only kinds whose names begin so")
    asked = parser.parse_args()
    # a shell that runs this in the background, or nohup, would have builds ignore these
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as scratch:
        chosen = [kind for kind in KINDS if kind.startswith(asked.kinds)]
        if not can_mount(Path(scratch)):
            chosen = [kind for kind in chosen if kind not in ON_A_DISK]
        campaign = Campaign(Path(scratch), asked.seed)
        try:
            for outcome in campaign.trials(asked.count, chosen):
                outcomes[outcome.kind].append(outcome)
                for column, words in outcome.wrong.items():
                    print(f"{column}: {outcome.kind}, {outcome.stage}: {words}", file=sys.stderr)
        except KeyboardInterrupt:  # the table of what was done until then
            print("interrupted", file=sys.stderr)
        finally:
            campaign.end()
    return _table(outcomes)


def _table(outcomes: dict[str, list[Outcome]]) -> int:
    """Print it; 1 if anything was lost or wrong."""
    columns = ("faults", "survived", *WRONG, "said", "stages", "wall s", "CPU s")
    print("| kind |", " | ".join(columns), "|\n|---|" + "---|" * len(columns))
    rows = [(kind, outcomes[kind]) for kind in KINDS if kind in outcomes]
    every = [one for _, some in rows for one in some]
    for kind, some in [*rows, ("all", every)]:
        faults = [one for one in some if one.disturbed]
        cells: list[object] = [len(faults), sum(not one.wrong for one in faults)]
        cells += [sum(column in one.wrong for one in some) for column in WRONG]
        cells += [sum(one.said for one in faults), len({one.stage for one in faults})]
        cells += [round(sum(one.wall for one in some)), round(sum(one.cpu for one in some))]
        print(f"| {kind} |", " | ".join(map(str, cells)), "|")
    return int(any(one.wrong for one in every))


if __name__ == "__main__":
    sys.exit(main())
