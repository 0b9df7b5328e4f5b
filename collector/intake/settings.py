"""What the operator has set that an intake goes by; it may cross to another process."""

from dataclasses import dataclass
from functools import lru_cache, partial

from collector.intake.local import Intake
from collector.prices import PriceList
from collector.prices.config import PricesConfig
from collector.redacting import Policies
from collector.redaction.config import RedactionConfig
from collector.understanding import Understanding


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeSettings:
    redaction: RedactionConfig
    prices: PricesConfig
    installation_key: bytes
    """Of hash tokens, where the operator has set none."""

    def policies(self) -> Policies:
        """Of redaction, by project."""
        return lru_cache(maxsize=1_024)(partial(self.redaction.policy, installation_key=self.installation_key))

    def intake(self) -> Intake:
        return Intake(Understanding(prices=PriceList.of(self.prices), policies=self.policies()))
