"""The query log alone (log-queries extra), where no tap can be had."""

import log_stories

HOUSE = {"log": "extra"}


def story(lab):
    log_stories.without_tap(lab)
