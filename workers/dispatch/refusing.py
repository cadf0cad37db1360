"""What the store refuses to claim, in the words of a decision."""

import math
from collections.abc import Mapping
from typing import Final

from pipeline.dispatch.decision import Dead, Decision, Finished
from pipeline.dispatch.retry import too_many
from pipeline.errors import DeadReason
from pipeline.settings import Settings
from workers.state.claiming import Claimed, ClaimVerdict

_OTHER: Final[Mapping[ClaimVerdict, str]] = {ClaimVerdict.OTHER_TO: "to", ClaimVerdict.OTHER_CODE: "code"}


def refused(claimed: Claimed, settings: Settings) -> Decision | None:
    """Decide for an attempt that may not be made; none where it was not refused."""
    if field := _OTHER.get(claimed.verdict):
        detail = f"`{field}` is not that of the first record with this `request_id`: use a new id for another message"
        return Dead(reason=DeadReason.CONFLICT, detail=detail)
    if claimed.verdict is ClaimVerdict.TOO_SOON:
        gap_s, early_s = settings.otp.resend_after_s, math.ceil(claimed.wait_s)
        detail = f"another message may be asked for {gap_s} s after the one before: this is {early_s} s too soon"
        return Finished(why=claimed.verdict.value, unsent=Dead(reason=DeadReason.TOO_SOON, detail=detail))
    return too_many(settings.dispatch) if claimed.verdict is ClaimVerdict.TOO_MANY else None
