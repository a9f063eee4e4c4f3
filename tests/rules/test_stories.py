"""Every story shipped beside the rules holds, and every rule has one of each kind."""

import pytest

from app.rule_files import load_rules, load_stories
from rules.stories import run_story

CATALOGUE, DICTIONARY = load_rules()
STORIES = load_stories()


@pytest.mark.parametrize("story", [s for _, s in STORIES], ids=[s.title for _, s in STORIES])
def test_story(story):
    assert run_story(story, CATALOGUE, DICTIONARY) == []


@pytest.mark.parametrize("rule", sorted(CATALOGUE.rules))
def test_every_rule_has_a_story_that_raises_and_one_that_stays_quiet(rule):
    kinds = {story.is_quiet for _, story in STORIES if story.rule == rule}
    assert kinds == {True, False}
