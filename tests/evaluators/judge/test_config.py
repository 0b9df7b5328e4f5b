import pytest
from pydantic import ValidationError
from sqlalchemy import Engine

from evaluators.judge import JudgeConfig, open_judge


def test_the_judge_is_off_until_an_endpoint_is_configured(engine: Engine) -> None:
    assert open_judge(JudgeConfig(), engine) is None


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"base_url": "http://h/v1"}, "model is missing"),
        ({"base_url": "h/v1", "model": "m"}, "must be an http or https URL"),
        ({"base_url": "http://h:99999/v1", "model": "m"}, "Port out of range"),
        ({"base_url": "http://key@h/v1", "model": "m"}, "put the key into the variable"),
        ({"base_url": "http://h/v1?api_key=k", "model": "m"}, "put the key into the variable"),
        ({"usd_per_million_input_tokens": 1.0}, "or neither"),
        ({"sample_rate": 1.5}, "less than or equal to 1"),
        ({"max_usd": 1.0}, "Extra inputs"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_says_why(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        JudgeConfig.model_validate(settings)
