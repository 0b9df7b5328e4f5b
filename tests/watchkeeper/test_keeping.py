"""What the configuration, the projects and redaction say about keeping and erasing."""

import pytest
from pydantic import ValidationError

from collector.config import CollectorConfig
from collector.projects.book import ProjectBook
from collector.projects.project import FOR_GOOD_DAYS
from collector.redaction.config import RedactionConfig
from collector.retention import Keep
from watchkeeper.keeping import redacted_forms, retention_of

KEY = b"0" * 32


def test_by_default_everything_is_kept_for_good(engine):
    retention = retention_of(CollectorConfig(), engine)
    assert retention.of("default") == retention.of("any") == Keep()
    assert not retention.due(0, 10**19).is_possible


def test_a_project_without_days_of_its_own_follows_the_configuration(engine):
    book = ProjectBook(engine, lambda: 1, actor="ops")
    book.create_project("short", telemetry_days=3)
    book.create_project("archive", telemetry_days=FOR_GOOD_DAYS, content_days=FOR_GOOD_DAYS)
    config = CollectorConfig(retention={"telemetry_days": 90, "content_days": 14})
    retention = retention_of(config, engine)
    assert retention.of("default") == Keep(telemetry_days=90, content_days=14)
    assert retention.of("short") == Keep(telemetry_days=3, content_days=14)
    assert retention.of("archive") == Keep(telemetry_days=FOR_GOOD_DAYS, content_days=FOR_GOOD_DAYS)


@pytest.mark.parametrize("given", [{"telemetry_days": 0}, {"telemetry_days": 7, "content_days": 8}, {"days": 3}])
def test_days_that_cannot_be_are_refused(given):
    with pytest.raises(ValidationError):
        CollectorConfig(retention=given)


def test_an_erasure_looks_for_what_redaction_made_of_the_id():
    config = RedactionConfig(kinds=["all"], projects={"own": {"mode": "hash", "kinds": ["secrets"]}})
    (form,) = redacted_forms(config, KEY, "anna@example.org")
    assert form.startswith("[EMAIL:")
    assert redacted_forms(config, KEY, "u-4711") == set()
    assert redacted_forms(RedactionConfig(mode="off"), KEY, "anna@example.org") == set()
