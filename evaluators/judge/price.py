"""What a judge's request costs."""

from genai_prices import Usage, calc_price

from evaluators.judge.config import JudgeConfig


def price_usd(config: JudgeConfig, *, input_tokens: int, output_tokens: int) -> float | None:
    """At the configured prices, else at the list price of the provider at `base_url`; None where no price is known.

    The provider is known by its address: a model of one's own may bear the name of one that is sold.
    """
    if config.usd_per_million_input_tokens is not None and config.usd_per_million_output_tokens is not None:
        input_usd = input_tokens * config.usd_per_million_input_tokens
        return (input_usd + output_tokens * config.usd_per_million_output_tokens) / 1e6
    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    try:
        return float(calc_price(usage, config.model or "", provider_api_url=config.base_url).total_price)
    except LookupError:
        return None
