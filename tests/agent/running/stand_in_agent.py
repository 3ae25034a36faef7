"""Stands in for an agent that will be killed: opens a home, orders runs, listens.

Arguments: the home and a JSON list of (run id, script); a number in the id is a timeout in ms.
A run named `forgotten` is forgotten when it has ended.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from agent.running import link
from agent.running.keeping import Keepers
from agent.running.terms import Ended, Order

PATIENCE_S = 40.0  # for a keeper that begins on a loaded host


async def main(home: Path, orders: list[tuple[str, str]]) -> None:
    link.CONNECT_WITHIN_S = link.BEGIN_WITHIN_S = PATIENCE_S
    ended: asyncio.Queue[Ended] = asyncio.Queue()
    keepers = Keepers(home / "run", on_ended=ended.put_nowait)
    await keepers.open()
    for run_id, script in orders:
        _, _, timeout_ms = run_id.partition(" ")
        await keepers.start(
            Order(
                run_id=run_id,
                argv=("/bin/sh", "-c", script),
                environment={"PATH": os.defpath, "SMARTCRON_RUN_ID": run_id},
                working_directory="/",
                output_file=str(home / f"{run_id}.out"),
                timeout_ms=int(timeout_ms or 0),
                kill_grace_ms=200,
            )
        )
    sys.stdout.write("ordered\n")
    sys.stdout.flush()
    while True:
        run_id = (await ended.get()).run_id
        if run_id == "forgotten":
            await keepers.forget([run_id])
            await asyncio.sleep(0.1)  # it leaves with the loop's next turn
            sys.stdout.write(f"forgotten {run_id}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), json.loads(sys.argv[2])))
