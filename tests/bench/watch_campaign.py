"""A campaign that watches: ``watch_campaign INVENTORY SERVER JOURNAL WORDS…``.

Every bank gets power at once, and nothing is given up: the campaign goes on as long as one bank
has not come up. WORDS stand before a command on the boot server.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from picluster.campaign.engine import Audience
from picluster.campaign.live.campaign import LiveCampaign, Options
from picluster.campaign.settings import Settings, Timeouts
from picluster.cluster.load import find_description
from picluster.plan.read import read_plan
from picluster.power.desk import PowerDesk

_PATIENCE = Timeouts(powered=7200, boot=7200)


def main() -> int:
    """Run it until it is told to end."""
    inventory, server, journal, *words = sys.argv[1:]
    plan = read_plan(find_description(Path(inventory)))
    settings = Settings(stagger_s=0, link_mbit=1e6, timeouts=_PATIENCE)
    options = Options(settings=settings, journal=Path(journal), reach={server: words})
    audience = Audience(lambda notice: print(notice.text, flush=True))
    campaign = LiveCampaign(plan, PowerDesk.of(plan), options, audience)
    signal.signal(signal.SIGTERM, lambda *_: campaign.cancel())
    return campaign.run().status


if __name__ == "__main__":
    sys.exit(main())
