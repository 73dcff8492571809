"""The query log alone (log-queries plain), where no tap can be had."""

import log_stories

HOUSE = {"log": "plain"}


def story(lab):
    log_stories.without_tap(lab)
